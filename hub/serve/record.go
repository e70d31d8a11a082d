package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// Types of FastCGI's records (FastCGI, section 8).
const (
	beginRequest    = 1
	abortRequest    = 2
	endRequest      = 3
	params          = 4
	stdin           = 5
	stdout          = 6
	getValues       = 9
	getValuesResult = 10
	unknownType     = 11
)

// What begins and ends a request.
const (
	responder = 1 // the one role that a hub has

	keepConnection = 1 // a flag: the web server closes the connection

	requestComplete = 0
	cannotMultiplex = 1
	unknownRole     = 3
)

const (
	recordHeader = 8
	maxContent   = 1<<16 - 8 // of a record that we write: a multiple of 8
)

// record is one of FastCGI's records:
//
//	version 1 | type 1 | request 2 | length of content 2 | length of padding 1 |
//	reserved 1 | content | padding
type record struct {
	kind    byte
	request uint16
	content []byte // valid until the next is read
}

var errRecord = errors.New("it does not speak FastCGI")

// recordReader reads records from a web server.
type recordReader struct {
	in  *bufio.Reader
	buf []byte
}

// read reads the next record.
func (r *recordReader) read() (record, error) {
	var h [recordHeader]byte
	if _, err := io.ReadFull(r.in, h[:]); err != nil {
		return record{}, err
	}
	if h[0] != 1 {
		return record{}, errRecord
	}
	length, padding := int(binary.BigEndian.Uint16(h[4:])), int(h[6])
	if cap(r.buf) < length {
		r.buf = make([]byte, max(length, 4<<10))
	}
	content := r.buf[:length]
	if _, err := io.ReadFull(r.in, content); err != nil {
		return record{}, err
	}
	if _, err := r.in.Discard(padding); err != nil {
		return record{}, err
	}
	return record{kind: h[1], request: binary.BigEndian.Uint16(h[2:]), content: content}, nil
}

// appendRecord appends a record, whose content is at most maxContent bytes.
func appendRecord(to []byte, kind byte, request uint16, content []byte) []byte {
	padding := -len(content) & 7
	to = append(to, 1, kind)
	to = binary.BigEndian.AppendUint16(to, request)
	to = binary.BigEndian.AppendUint16(to, uint16(len(content)))
	to = append(to, byte(padding), 0)
	to = append(to, content...)
	return append(to, make([]byte, padding)...)
}

// appendEnd appends the record that ends a request.
func appendEnd(to []byte, request uint16, status byte) []byte {
	return appendRecord(to, endRequest, request, []byte{0, 0, 0, 0, status, 0, 0, 0})
}

// readPairs reads names and values (FastCGI, section 3.4). ok is false if they
// do not end where they should.
func readPairs(text []byte) (pairs map[string]string, ok bool) {
	pairs = make(map[string]string)
	for len(text) > 0 {
		name, rest, ok1 := readLength(text)
		value, rest, ok2 := readLength(rest)
		if !ok1 || !ok2 || uint64(name)+uint64(value) > uint64(len(rest)) {
			return nil, false
		}
		pairs[string(rest[:name])] = string(rest[name : name+value])
		text = rest[name+value:]
	}
	return pairs, true
}

// readLength reads a length of one byte or, if its highest bit is set, of four.
func readLength(text []byte) (n uint32, rest []byte, ok bool) {
	switch {
	case len(text) >= 1 && text[0] < 1<<7:
		return uint32(text[0]), text[1:], true
	case len(text) >= 4:
		return binary.BigEndian.Uint32(text) &^ (1 << 31), text[4:], true
	}
	return 0, nil, false
}

// appendPair appends a name and a value of less than 128 bytes each.
func appendPair(to []byte, name, value string) []byte {
	to = append(to, byte(len(name)), byte(len(value)))
	return append(append(to, name...), value...)
}

package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/irc.v4"
)

// This file is the only one that parses and prints IRC lines, through irc.v4,
// and shields the rest from what that lets pass (docs/architecture.md).

// Limits of a line in bytes, the line break counted
// (RFC 1459 §2.3; IRCv3 message-tags: "Size limit").
const (
	maxTags = 8191 // with the @ and the space behind
	maxBody = 512
)

// line is what a client sent. Its tags and its prefix are dropped: nothing
// here has a use for them.
type line struct {
	command string // upper case, letters and digits only
	params  []string
}

// param is the i'th parameter, or "".
func (l line) param(i int) string {
	if 0 <= i && i < len(l.params) {
		return l.params[i]
	}
	return ""
}

var (
	errEmptyLine = errors.New("empty line")
	errBadLine   = errors.New("not an IRC message")
	errTooLong   = errors.New("line too long")
)

// parseLine parses a line as read, with or without its line break. No NUL, CR
// or LF is left in what it returns. errEmptyLine, errTooLong and errBadLine are
// all it can fail with, whatever the bytes.
func parseLine(raw []byte) (l line, err error) {
	text := cleanLine(string(raw))
	if tooLong(text) {
		return line{}, errTooLong
	}
	defer func() {
		if r := recover(); r != nil {
			l, err = line{}, fmt.Errorf("%w: %v", errBadLine, r)
		}
	}()
	if rest := afterTags(text); strings.Trim(rest, " ") == "" {
		return line{}, errEmptyLine // irc.v4 panics on tags alone
	}
	m, err := irc.ParseMessage(text)
	if err != nil {
		return line{}, fmt.Errorf("%w: %v", errBadLine, err)
	}
	if !isCommand(m.Command) {
		return line{}, errBadLine
	}
	return line{command: m.Command, params: m.Params}, nil
}

// tooLong applies both limits to a line without its line break.
func tooLong(text string) bool {
	rest := afterTags(text)
	return len(text)-len(rest) > maxTags || len(rest) > maxBody-len("\r\n")
}

// afterTags is a line without its tags.
func afterTags(text string) string {
	if !strings.HasPrefix(text, "@") {
		return text
	}
	_, rest, _ := strings.Cut(text, " ")
	return rest
}

func isCommand(s string) bool {
	for _, b := range []byte(s) {
		if !('A' <= b && b <= 'Z' || '0' <= b && b <= '9') {
			return false
		}
	}
	return s != ""
}

// message is what a client is sent.
type message struct {
	tags    map[string]string
	from    string // nick!user@host, or a server's name
	command string
	params  []string
}

// encode is the one place where lines for clients are printed, and cleans them:
// whatever stands in a parameter, one line comes out, no parameter becomes two,
// nothing in it is a command to a client or its terminal but formatting and
// ACTION, and the body is at most 512 bytes, cut between characters.
func (m message) encode() []byte {
	out := irc.Message{
		Prefix:  &irc.Prefix{Name: cleanMiddle(cleanShown(m.from))},
		Command: cleanMiddle(m.command),
		Params:  make([]string, len(m.params)),
	}
	if m.from == "" {
		out.Prefix = nil
	}
	for i, p := range m.params {
		if i < len(m.params)-1 {
			out.Params[i] = cleanMiddle(cleanShown(p))
		} else {
			out.Params[i] = cleanShown(p)
		}
	}
	body := cut(out.String(), maxBody-len("\r\n"))
	return []byte(encodeTags(m.tags) + body + "\r\n")
}

// encodeTags prints tags, in the order of their names.
func encodeTags(tags map[string]string) string {
	if len(tags) == 0 {
		return ""
	}
	var b strings.Builder
	for i, k := range slices.Sorted(maps.Keys(tags)) {
		if i == 0 {
			b.WriteByte('@')
		} else {
			b.WriteByte(';')
		}
		b.WriteString(cleanMiddle(k))
		b.WriteByte('=')
		b.WriteString(irc.EncodeTagValue(cleanLine(tags[k])))
	}
	b.WriteByte(' ')
	return b.String()
}

package codec

import (
	"bytes"
	"encoding/hex"
	"testing"
)

type letter struct {
	Name string   `cbor:"name"`
	ID   [4]byte  `cbor:"id"`
	Seen [][]byte `cbor:"seen,omitempty"`
	Raw  Raw      `cbor:"raw,omitempty"`
}

func TestRoundTrip(t *testing.T) {
	raw, err := Marshal(map[string]int{"b": 2, "a": 1})
	if err != nil {
		t.Fatal(err)
	}
	want := letter{Name: "bob", ID: [4]byte{1, 2, 3, 4}, Seen: [][]byte{{9}}, Raw: raw}
	b, err := Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	was := bytes.Clone(b)
	var got letter
	if err := UnmarshalOver(b, &got); err != nil || !bytes.Equal(b, was) {
		t.Fatalf("%x, %v", b, err)
	}
	if rest, err := UnmarshalItem(append(b, 7), &got); err != nil || !bytes.Equal(b, was) || len(rest) != 1 {
		t.Fatalf("%x, %x, %v", b, rest, err)
	}
	got = letter{}
	if err := Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != want.Name || got.ID != want.ID || string(got.Raw) != string(raw) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// Each input says something a lenient decoder would take.
func TestRefused(t *testing.T) {
	for name, in := range map[string]string{
		"duplicate key":         "a3" + "626964" + "4401020304" + "646e616d65" + "6162" + "646e616d65" + "6163",
		"unknown key":           "a3" + "626964" + "4401020304" + "636f6464" + "01" + "646e616d65" + "6162",
		"keys out of order":     "a2" + "646e616d65" + "6162" + "626964" + "4401020304",
		"short array":           "a2" + "626964" + "43010203" + "646e616d65" + "6162",
		"long array":            "a2" + "626964" + "450102030405" + "646e616d65" + "6162",
		"indefinite text":       "a2" + "626964" + "4401020304" + "646e616d65" + "7f6162ff",
		"long form of length":   "a2" + "626964" + "580401020304" + "646e616d65" + "6162",
		"tag":                   "a2" + "626964" + "4401020304" + "646e616d65" + "c06162",
		"trailing bytes":        "a2" + "626964" + "4401020304" + "646e616d65" + "6162" + "00",
		"wrong case of a key":   "a2" + "626964" + "4401020304" + "644e616d65" + "6162",
		"missing field":         "a1" + "626964" + "4401020304",
		"null for an array":     "a3" + "626964" + "4401020304" + "646e616d65" + "6162" + "647365656e" + "f6",
		"nothing":               "",
		"text is not valid UTF": "a2" + "626964" + "4401020304" + "646e616d65" + "61ff",
	} {
		data, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(name, err)
		}
		var got letter
		if err := Unmarshal(data, &got); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
		if err := UnmarshalOver(bytes.Clone(data), &got); err == nil {
			t.Errorf("%s: accepted over itself as %+v", name, got)
		}
	}
	data, _ := hex.DecodeString("a2" + "626964" + "4401020304" + "646e616d65" + "6162")
	if err := Unmarshal(data, new(letter)); err != nil {
		t.Errorf("the canonical form was refused: %v", err)
	}
}

// What a program leaves nil and what it leaves empty is the same on the wire.
func TestNilIsEmpty(t *testing.T) {
	type lists struct {
		Bytes []byte         `cbor:"bytes"`
		Map   map[string]int `cbor:"map"`
	}
	empty, err := Marshal(lists{Bytes: []byte{}, Map: map[string]int{}})
	if err != nil {
		t.Fatal(err)
	}
	none, err := Marshal(lists{})
	if err != nil {
		t.Fatal(err)
	}
	if string(none) != string(empty) {
		t.Errorf("nil is %x, empty is %x", none, empty)
	}
	if err := Unmarshal(none, new(lists)); err != nil {
		t.Error(err)
	}
	null, _ := hex.DecodeString("a2" + "636d6170" + "f6" + "656279746573" + "f6")
	if err := Unmarshal(null, new(lists)); err == nil {
		t.Error("null was taken for an empty list")
	}
}

package roster

import (
	"bytes"
	"testing"
)

// FuzzParse holds that nothing that arrives makes Parse or a set panic, and
// that what is taken is exactly what Bytes gives again.
func FuzzParse(f *testing.F) {
	for _, op := range kinds(f) {
		f.Add(op.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		op, err := Parse(data)
		if err != nil {
			return
		}
		if !bytes.Equal(op.Bytes(), data) {
			t.Fatal("an operation changed on its way")
		}
		s := NewSet(op.Channel())
		if _, err := s.Add(op); err != nil {
			t.Fatal(err)
		}
		told(s)
	})
}

// FuzzOp does so for the operation within, which a fuzzer cannot sign.
func FuzzOp(f *testing.F) {
	for _, op := range kinds(f) {
		var form signedForm
		decode(f, op.Bytes(), &form)
		f.Add(form.Op)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		op, err := parseOp(data)
		if err != nil {
			return
		}
		again, err := op.encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%x was read, but is written %x (%v)", data, again, err)
		}
		signed := newSigned(op, data, data)
		told(setOfOps(t, []*Signed{signed}))
	})
}

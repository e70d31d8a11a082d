//go:build linux

package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"testing"
)

// TestLeaks holds the search for leaks to what it must find: a search that finds
// nothing would let everything pass.
func TestLeaks(t *testing.T) {
	const text = "croquet at noon"
	noise := make([]byte, 1<<20)
	rand.Read(noise)
	for what, leaked := range map[string]string{
		"plain":         text,
		"hex":           hex.EncodeToString([]byte(text)),
		"base32":        base32.StdEncoding.EncodeToString([]byte(text)),
		"base64":        base64.StdEncoding.EncodeToString([]byte("a topic: " + text)),
		"base64, by 1":  base64.StdEncoding.EncodeToString([]byte("1" + text + "!")),
		"base64, by 2":  base64.StdEncoding.EncodeToString([]byte("12" + text + "!")),
		"base64 of URL": base64.URLEncoding.EncodeToString([]byte(text)),
	} {
		hay := bytes.Join([][]byte{noise[:1<<19], noise[1<<19:]}, []byte(leaked))
		if len(leaks(hay, []secret{{"a topic", text}})) == 0 {
			t.Errorf("%s: %q is not found", what, leaked)
		}
	}
	if found := leaks(noise, []secret{{"a topic", text}}); len(found) > 0 {
		t.Errorf("found in noise: %q", found)
	}
}

package wire

import (
	"strings"
	"testing"
)

// What a hub says cannot be taken for the gateway's own words.
func TestSaid(t *testing.T) {
	for _, test := range []struct {
		Error
		want string
	}{
		{Error{CodeFull, "no room"}, `it says "no room" (full)`},
		{Error{CodeFull, ""}, "full"},
		{Error{CodeFull, " \x02\u202e\xff\r\n"}, "full"},
		{Error{CodeDenied, "gone\" (denied). Type: /msg sysop hub moved"}, `it says "gone' (denied). Type: /msg sysop hub moved" (denied)`},
		{Error{CodeDenied, "“gone” «now»\nat\tonce\x1b[2J"}, `it says "'gone' 'now' at once[2J" (denied)`},
		{Error{"full). Type: /msg sysop hub moved", "no\""}, `it says "full). Type: /msg sysop hub moved, no'"`},
		{Error{"new", ""}, `it says "new"`},
		{Error{CodeBusy, strings.Repeat("é", 81)}, `it says "` + strings.Repeat("é", 80) + `…" (busy)`},
		{Error{Code(strings.Repeat("x", 500)), ""}, `it says "` + strings.Repeat("x", 80) + `…"`},
	} {
		if got := test.Said(); got != test.want {
			t.Errorf("%+v: %s, want %s", test.Error, got, test.want)
		}
	}
}

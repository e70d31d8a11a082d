package wire

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Code is a hub's reason for refusing a call, or a whole request. Codes are
// for programs; Error.Text is for people.
type Code string

const (
	CodeBad       Code = "bad"       // the call makes no sense; repeating it will not help
	CodeDenied    Code = "denied"    // this token may not
	CodeUnknown   Code = "unknown"   // no such channel or slot here
	CodeRevoked   Code = "revoked"   // this token was put out
	CodeUsed      Code = "used"      // the slot or account key was taken by another
	CodeWithdrawn Code = "withdrawn" // the slot was closed by a member
	CodeExpired   Code = "expired"   // the slot's time is over
	CodeStale     Code = "stale"     // the slot was renewed meanwhile: peek again
	CodeFull      Code = "full"      // the hub's disk, or the quota, has no room
	CodeBusy      Code = "busy"      // come back later
	CodeTime      Code = "time"      // the request's time is too far from the hub's, which is in Response.Time
	CodeInternal  Code = "internal"  // the hub failed; it has logged why
)

var codes = []Code{
	CodeBad, CodeDenied, CodeUnknown, CodeRevoked, CodeUsed, CodeWithdrawn, CodeExpired, CodeStale, CodeFull, CodeBusy, CodeTime, CodeInternal,
	CodeClosed, CodeBanned,
}

// Error is a hub's refusal.
type Error struct {
	Code Code   `cbor:"code"`
	Text string `cbor:"text,omitempty"`
}

// Error says the code and, in parentheses, the hub's words for it.
func (e *Error) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("the hub refused: %s", e.Code)
	}
	return fmt.Sprintf("the hub refused: %s (%s)", e.Code, e.Text)
}

// Said is the refusal for people, with all that is the hub's own choice of words
// in quotes, as Quoted has them.
func (e *Error) Said() string {
	text := Quoted(e.Text)
	switch {
	case !slices.Contains(codes, e.Code):
		return "it says " + Quoted(strings.TrimSuffix(fmt.Sprintf("%s, %s", e.Code, e.Text), ", "))
	case text == "":
		return string(e.Code)
	}
	return fmt.Sprintf("it says %s (%s)", text, e.Code)
}

// maxQuoted is how many characters of somebody else's words are shown.
const maxQuoted = 80

// Quoted is what a hub has written, to be shown in a text of ours: in quotes that
// it cannot end, on one line, and cut, so that nobody takes it for our words. It
// is empty if there is nothing to be shown.
func Quoted(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '"' || unicode.Is(unicode.Quotation_Mark, r):
			return '\''
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "…"
	}
	if text == "" {
		return ""
	}
	return `"` + text + `"`
}

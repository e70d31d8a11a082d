package wire

import "fmt"

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

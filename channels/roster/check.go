package roster

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sizes are in bytes unless they count something.
const (
	PrekeySize = 1216      // an X-Wing public key
	MaxNick    = 32        // a nick, which is never empty
	MaxTopic   = 390       // a topic
	MaxNote    = 64        // an invite's note
	MaxURL     = 500       // a hub's address
	MaxHeads   = 64        // heads that an operation names
	MaxJoins   = 512       // joins that a removal keeps
	MaxSigned  = 32 << 10  // an operation with its signatures
	MaxNumber  = 1<<53 - 1 // any number in an operation, so that every CBOR and JSON tool can hold it
)

// check says what is wrong with an operation, taken alone: what holds for
// every kind, then what its kind demands.
func (o Op) check() error {
	if o.Args == nil {
		return errors.New("an operation without arguments")
	}
	if o.By == (Member{}) {
		return errors.New("an operation by nobody")
	}
	if err := checkNumber("n", o.N, 0); err != nil {
		return err
	}
	if err := checkNumber("time", o.Time, 0); err != nil {
		return err
	}
	if err := o.checkPlace(); err != nil {
		return err
	}
	if r, ok := o.Args.(Remove); ok && r.Member == o.By {
		return errors.New("a removal of oneself: that is leave")
	}
	return o.Args.check()
}

// checkPlace checks what an operation says of where it stands: a found or join
// begins its author's chain and names nothing before it, all others follow.
func (o Op) checkPlace() error {
	_, found := o.Args.(Found)
	_, join := o.Args.(Join)
	if found != (o.Channel == (Channel{})) {
		return errors.New("all operations but found name their channel")
	}
	if found || join {
		if o.N != 0 || o.Prev != (Hash{}) || len(o.Heads) != 0 {
			return errors.New("a found or join begins a chain: n is 0, and prev and heads are absent")
		}
		return nil
	}
	if o.N == 0 || o.Prev == (Hash{}) {
		return errors.New("an operation without the one before it")
	}
	for _, h := range o.Heads {
		if h == o.Prev {
			return errors.New("prev stands among the heads")
		}
	}
	return checkHashes("heads", o.Heads, MaxHeads)
}

func (a Found) check() error {
	if err := checkText("nick", a.Nick, 1, MaxNick); err != nil {
		return err
	}
	return checkPrekey(a.Prekey)
}

func (a Invite) check() error {
	if err := checkNumber("expires", a.Expires, 0); err != nil {
		return err
	}
	return checkText("note", a.Note, 0, MaxNote)
}

func (Revoke) check() error { return nil }

func (a Join) check() error {
	if err := checkText("nick", a.Nick, 1, MaxNick); err != nil {
		return err
	}
	return checkPrekey(a.Prekey)
}

func (Confirm) check() error { return nil }

func (a Remove) check() error {
	if err := checkNumber("seq", a.Seq, -1); err != nil {
		return err
	}
	return checkHashes("joins", a.Joins, MaxJoins)
}

func (a Leave) check() error { return checkNumber("seq", a.Seq, -1) }

// check takes any printable ASCII after http:// or https://, in either case
// (one-time keys are upper-case): whether anybody answers there is for others.
func (a HubAdd) check() error {
	if len(a.URL) > MaxURL {
		return fmt.Errorf("the url has %d bytes, more than %d", len(a.URL), MaxURL)
	}
	for i := range len(a.URL) {
		if a.URL[i] <= ' ' || a.URL[i] > '~' {
			return errors.New("the url has a byte that is not printable ASCII")
		}
	}
	scheme, rest, _ := strings.Cut(a.URL, "://")
	if s := strings.ToLower(scheme); s != "http" && s != "https" || rest == "" {
		return errors.New("the url is not http:// or https:// and a host")
	}
	return nil
}

func (HubDrop) check() error { return nil }

func (a Topic) check() error { return checkText("topic", a.Text, 0, MaxTopic) }

func (a Nick) check() error { return checkText("nick", a.Nick, 1, MaxNick) }

// checkText holds a text to its length in bytes, to UTF-8, and to have no
// control characters (Unicode's category Cc: U+0000–001F and U+007F–009F, the
// same in every version of Unicode).
func checkText(what, s string, least, most int) error {
	if len(s) < least || len(s) > most {
		return fmt.Errorf("the %s has %d bytes, not %d to %d", what, len(s), least, most)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("the %s is not UTF-8", what)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return fmt.Errorf("the %s has a control character", what)
	}
	return nil
}

func checkNumber(what string, n, least int64) error {
	if n < least || n > MaxNumber {
		return fmt.Errorf("%s is %d, not %d to %d", what, n, least, int64(MaxNumber))
	}
	return nil
}

func checkPrekey(k []byte) error {
	if len(k) != PrekeySize {
		return fmt.Errorf("the prekey has %d bytes, not %d", len(k), PrekeySize)
	}
	return nil
}

// checkHashes holds a list of hashes to its length and to be ascending, without
// repeats: one set, one encoding.
func checkHashes(what string, list []Hash, most int) error {
	if len(list) > most {
		return fmt.Errorf("%d %s, more than %d", len(list), what, most)
	}
	for i := 1; i < len(list); i++ {
		if bytes.Compare(list[i-1][:], list[i][:]) >= 0 {
			return fmt.Errorf("the %s are not ascending", what)
		}
	}
	return nil
}

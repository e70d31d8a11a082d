package session

import "fmt"

// Limits of what one body hands on of others' prekeys.
const (
	MaxShownPrekeys = 64
	MaxShownBytes   = 54000 // of their bodies together
)

// Prekeys hands on others' newest prekeys, each as its owner signed it: a newcomer
// knows but those in their joinings, which may be deleted long ago.
type Prekeys struct {
	Shown []Shown `cbor:"shown"`
}

// Shown is the signed body of an envelope that showed a prekey: a FreshKey, a
// FreshPrekey, or a Give that has no invites. OpenShown verifies it.
type Shown struct {
	Header    ID                  `cbor:"header"` // Signed.Header
	Body      []byte              `cbor:"body"`
	Signature [signatureSize]byte `cbor:"signature"`
}

// Kind implements Content.
func (Prekeys) Kind() Kind { return KindPrekeys }

func (p Prekeys) check() error {
	total := 0
	for _, s := range p.Shown {
		if len(s.Body) == 0 {
			return fmt.Errorf("a prekey that was shown by no body: %w", ErrMalformed)
		}
		total += len(s.Body)
	}
	if len(p.Shown) == 0 || len(p.Shown) > MaxShownPrekeys || total > MaxShownBytes {
		return fmt.Errorf("%d prekeys, of %d bytes: %w", len(p.Shown), total, ErrMalformed)
	}
	return nil
}

// ShownIn is the prekey that a body shows, if it may be handed on: where secrets
// stand beside it, it may not.
func ShownIn(b Body) (NumberedPrekey, bool) {
	switch c := b.Content.(type) {
	case FreshKey:
		return c.Prekey, true
	case FreshPrekey:
		return c.Prekey, true
	case Give:
		return c.Prekey, len(c.Invites) == 0
	}
	return NumberedPrekey{}, false
}

// OpenShown verifies what was handed on, and gives the prekey and whose it is.
// Whether he is a member, and shown no newer one, is the caller's to know.
// Errors: ErrMalformed, ErrPrekey, ErrSignature.
func OpenShown(channel Channel, s Shown) (Member, NumberedPrekey, error) {
	b, err := decodeBody(s.Body)
	if err != nil {
		return Member{}, NumberedPrekey{}, fmt.Errorf("a prekey handed on: %w", err)
	}
	p, ok := ShownIn(b)
	if !ok {
		return Member{}, NumberedPrekey{}, fmt.Errorf("a prekey handed on in %q: %w", b.Content.Kind(), ErrMalformed)
	}
	if err := (Signed{s.Header, s.Body, s.Signature}).Verify(channel, b.From); err != nil {
		return Member{}, NumberedPrekey{}, fmt.Errorf("a prekey handed on: %w", err)
	}
	return b.From, p, nil
}

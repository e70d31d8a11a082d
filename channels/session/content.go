package session

import (
	"fmt"
	"unicode/utf8"

	"hubbub/channels/codec"
)

// Limits of contents, in bytes where nothing else is said.
const (
	MaxText    = 60000 // of Text.Text
	MaxOps     = 60000 // of the operations in one body together
	MaxInvites = 64    // open invites in one body
	MaxNeed    = 256   // envelopes asked for in one body, and keys
	MaxHeads   = 64    // heads of operations in one body
	MaxPieces  = 1024  // of one snapshot
)

// Content is what a body of one kind carries.
type Content interface {
	Kind() Kind
	check() error
}

// Style says how a text is meant.
type Style string

// The styles of a text.
const (
	StylePlain  Style = ""       // PRIVMSG
	StyleAction Style = "action" // CTCP ACTION, /me
	StyleNotice Style = "notice" // NOTICE
)

// Text is something said: 1 to MaxText bytes of valid UTF-8. What characters
// it may have is not decided here: it is as hostile as its sender.
type Text struct {
	Text  string `cbor:"text"`
	Style Style  `cbor:"style,omitempty"`
}

// Ops carries signed operations (roster), in the order in which they are to be
// applied, and beside them the secrets of the invites that they make or that
// were refreshed. One of the two is there at least.
type Ops struct {
	Ops     [][]byte     `cbor:"ops,omitempty"`
	Invites []OpenInvite `cbor:"invites,omitempty"`
}

// OpenInvite is what members hold of an invite that is still open, and delete
// once it is used, revoked or a day past its expiry: enough to read who redeems
// it and to refresh its blob. It is never in a snapshot. One whose slot is not
// that of the operation is not to be believed.
type OpenInvite struct {
	Invite  Member `cbor:"invite"`  // the invite key's public half, as in the operation
	Slot    Slot   `cbor:"slot"`    // the slot's id, as in the operation
	Number  int64  `cbor:"number"`  // of the newest offer, from 1; the higher holds
	Join    Secret `cbor:"join"`    // join key: opens the sealed join
	Prekey  Secret `cbor:"prekey"`  // seed of the invite prekey in that offer
	Refresh Secret `cbor:"refresh"` // refresh key: seals the offer
	Card    []byte `cbor:"card"`    // the blob's card as it is (BlobCard), CardSize bytes, for RefreshBlob
}

// NumberedPrekey is a member's prekey as others seal to it. Numbers go up from
// 0, which is the prekey in his found or join operation.
type NumberedPrekey struct {
	Number int64        `cbor:"number"`
	Public PrekeyPublic `cbor:"public"`
}

// FreshKey starts a sender key: its envelope, at iteration 0, has a box for
// every other member.
type FreshKey struct {
	Prekey NumberedPrekey `cbor:"prekey"` // the sender's new one
}

// Give hands the sender's sender key to a newcomer: its envelope, at whatever
// iteration, has a box for him.
type Give struct {
	Prekey  NumberedPrekey `cbor:"prekey"`            // the sender's current one
	Invites []OpenInvite   `cbor:"invites,omitempty"` // those still open
}

// FreshPrekey publishes a new prekey of the sender's.
type FreshPrekey struct {
	Prekey NumberedPrekey `cbor:"prekey"`
}

// Seen carries nothing: Body.Seen says it.
type Seen struct{}

// Need asks for envelopes that are missing, for sender keys of which no box
// came, and for operations. One of the three is there at least.
type Need struct {
	IDs  []ID      `cbor:"ids,omitempty"`
	Keys []KeyName `cbor:"keys,omitempty"` // each asked of its From only

	// Heads are operations that the asker has with all that is below them (roster),
	// ascending: who has others gives them.
	Heads []ID `cbor:"heads,omitempty"`
}

// KeyName names a sender key.
type KeyName struct {
	From Member `cbor:"from"`
	ID   KeyID  `cbor:"id"`
}

// Again is a text that was lost, as its sender signed it; whoever has it may
// send it. OpenAgain verifies it.
type Again struct {
	ID        ID                  `cbor:"id"`     // the lost envelope's
	Header    ID                  `cbor:"header"` // Signed.Header
	Body      []byte              `cbor:"body"`
	Signature [signatureSize]byte `cbor:"signature"`
}

// Snapshot is one piece of all operations, for a newcomer. Pieces stand for
// themselves, so their order does not matter; Members in the body says of what
// set they are.
type Snapshot struct {
	Index int      `cbor:"index"` // from 0
	Count int      `cbor:"count"` // pieces in all: 1 to MaxPieces
	Ops   [][]byte `cbor:"ops"`   // signed operations
}

// Unknown is the content of a kind that hubbub/1 does not know. It is never
// encoded.
type Unknown struct {
	Name Kind
}

func (Text) Kind() Kind        { return KindText }
func (Ops) Kind() Kind         { return KindOps }
func (FreshKey) Kind() Kind    { return KindKey }
func (Give) Kind() Kind        { return KindGive }
func (FreshPrekey) Kind() Kind { return KindPrekey }
func (Seen) Kind() Kind        { return KindSeen }
func (Need) Kind() Kind        { return KindNeed }
func (Again) Kind() Kind       { return KindAgain }
func (Snapshot) Kind() Kind    { return KindSnapshot }
func (Asides) Kind() Kind      { return KindAside }
func (u Unknown) Kind() Kind   { return u.Name }

// OpenAgain verifies what came again and gives its body. Whether Body.From is a
// member is the caller's to know. That a.ID is this body's can't be seen from it:
// it is to be taken only for an envelope that is here and has this header, or for
// an id that is missing as (Body.From, Body.Seq) in what Body.From signed, or
// others have seen.
//
// Errors: ErrMalformed (of a body that is an again itself, too), ErrSignature.
func OpenAgain(channel Channel, a Again) (Body, error) {
	b, err := decodeBody(a.Body)
	if err != nil {
		return Body{}, fmt.Errorf("something again: %w", err)
	}
	if _, again := b.Content.(Again); again {
		return Body{}, fmt.Errorf("%q again: %w", b.Content.Kind(), ErrMalformed)
	}
	if err := (Signed{a.Header, a.Body, a.Signature}).Verify(channel, b.From); err != nil {
		return Body{}, fmt.Errorf("something again: %w", err)
	}
	return b, nil
}

// decodeContent reads the content of a kind.
func decodeContent(kind Kind, raw codec.Raw) (Content, error) {
	switch kind {
	case KindText:
		return decodeAs[Text](raw)
	case KindOps:
		return decodeAs[Ops](raw)
	case KindKey:
		return decodeAs[FreshKey](raw)
	case KindGive:
		return decodeAs[Give](raw)
	case KindPrekey:
		return decodeAs[FreshPrekey](raw)
	case KindSeen:
		return decodeAs[Seen](raw)
	case KindNeed:
		return decodeAs[Need](raw)
	case KindAgain:
		return decodeAs[Again](raw)
	case KindSnapshot:
		return decodeAs[Snapshot](raw)
	case KindPrekeys:
		return decodeAs[Prekeys](raw)
	case KindAside:
		return decodeAs[Asides](raw)
	}
	return Unknown{kind}, nil
}

func decodeAs[T Content](raw codec.Raw) (Content, error) {
	var c T
	if err := codec.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return c, nil
}

func (t Text) check() error {
	if len(t.Text) == 0 || len(t.Text) > MaxText || !utf8.ValidString(t.Text) {
		return fmt.Errorf("a text of %d bytes: %w", len(t.Text), ErrMalformed)
	}
	if t.Style != StylePlain && t.Style != StyleAction && t.Style != StyleNotice {
		return fmt.Errorf("a text's style: %w", ErrMalformed)
	}
	return nil
}

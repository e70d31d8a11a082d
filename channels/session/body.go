package session

import (
	"fmt"

	"hubbub/channels/codec"
)

// Limits of a body.
const (
	MaxSeen   = 8         // heads in Body.Seen
	MaxNumber = 1<<53 - 1 // of a Seq, a Number, a count: exact in every language
	MaxTime   = 253402300799999
)

// Body is what an envelope says, once it is open: what every body has, and the
// Content of its kind. It travels as a CBOR map
//
//	{from, seq, prev, seen, time, members, kind, content}
//
// whose content is the map of the kind's struct.
type Body struct {
	From    Member
	Seq     int64   // 1 for From's first envelope in the channel, then one more each; to MaxNumber
	Prev    ID      // id of From's envelope before; zero for the first
	Seen    []Head  // of others: at most MaxSeen, one a member, never From
	Time    int64   // Unix time in milliseconds, as From's clock has it; 0 to MaxTime
	Members Members // what From knows of the roster
	Content Content // Text, Ops, FreshKey, Give, FreshPrekey, Seen, Need, Again, Snapshot, Prekeys, Asides or Unknown
}

// Head is the newest envelope of a member that somebody has. It names member
// and number too, so that a newcomer can tell an envelope from before his time
// from a gap.
type Head struct {
	From Member `cbor:"from"`
	Seq  int64  `cbor:"seq"`
	ID   ID     `cbor:"id"`
}

// Members exposes divergence: how many operations the sender knows, and their
// hash (roster).
type Members struct {
	Count int64 `cbor:"count"`
	Hash  ID    `cbor:"hash"`
}

// Kind names what a body is for.
type Kind string

// The kinds of hubbub/1.
const (
	KindText     Kind = "text"     // Text
	KindOps      Kind = "op"       // Ops
	KindKey      Kind = "key"      // FreshKey
	KindGive     Kind = "give"     // Give
	KindPrekey   Kind = "prekey"   // FreshPrekey
	KindSeen     Kind = "seen"     // Seen
	KindNeed     Kind = "need"     // Need
	KindAgain    Kind = "again"    // Again
	KindSnapshot Kind = "snapshot" // Snapshot
	KindAside    Kind = "aside"    // Asides
	KindPrekeys  Kind = "prekeys"  // Prekeys
)

// wireBody is a body as it travels.
type wireBody struct {
	From    Member    `cbor:"from"`
	Seq     int64     `cbor:"seq"`
	Prev    ID        `cbor:"prev"`
	Seen    []Head    `cbor:"seen,omitempty"`
	Time    int64     `cbor:"time"`
	Members Members   `cbor:"members"`
	Kind    Kind      `cbor:"kind"`
	Content codec.Raw `cbor:"content"`
}

// EncodeBody gives the canonical bytes of a body, or ErrMalformed if a value is
// out of its limits (ErrPrekey for an unusable prekey): what it gives, DecodeBody
// takes.
func EncodeBody(b Body) ([]byte, error) {
	switch b.Content.(type) {
	case nil, Unknown:
		return nil, fmt.Errorf("a body without content: %w", ErrMalformed)
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	content, err := codec.Marshal(b.Content)
	if err != nil {
		return nil, err
	}
	return codec.Marshal(wireBody{b.From, b.Seq, b.Prev, b.Seen, b.Time, b.Members, b.Content.Kind(), content})
}

// DecodeBody reads the body of an envelope that opened as sender's. A kind that
// hubbub/1 does not know gives Unknown, so that what a newer gateway sends
// is present in its sender's chain, though it can't be shown. Anything else
// out of order is ErrMalformed, or ErrPrekey.
func DecodeBody(data []byte, sender Member) (Body, error) {
	b, err := decodeBody(data)
	if err != nil {
		return Body{}, err
	}
	if b.From != sender {
		return Body{}, fmt.Errorf("a body of another member: %w", ErrMalformed)
	}
	return b, nil
}

func decodeBody(data []byte) (Body, error) {
	if len(data) > MaxBody {
		return Body{}, fmt.Errorf("a body of %d bytes: %w", len(data), ErrMalformed)
	}
	var w wireBody
	if err := codec.Unmarshal(data, &w); err != nil {
		return Body{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	content, err := decodeContent(w.Kind, w.Content)
	if err != nil {
		return Body{}, fmt.Errorf("%s: %w", w.Kind, err)
	}
	b := Body{w.From, w.Seq, w.Prev, w.Seen, w.Time, w.Members, content}
	if err := b.check(); err != nil {
		return Body{}, err
	}
	return b, nil
}

// check holds a body against its limits, its content included.
func (b Body) check() error {
	switch {
	case b.Seq < 1 || b.Seq > MaxNumber:
		return fmt.Errorf("seq %d: %w", b.Seq, ErrMalformed)
	case (b.Seq == 1) != (b.Prev == ID{}):
		return fmt.Errorf("prev does not go with seq %d: %w", b.Seq, ErrMalformed)
	case b.Time < 0 || b.Time > MaxTime:
		return fmt.Errorf("time %d: %w", b.Time, ErrMalformed)
	case b.Members.Count < 0 || b.Members.Count > MaxNumber:
		return fmt.Errorf("count %d of operations: %w", b.Members.Count, ErrMalformed)
	case len(b.Seen) > MaxSeen:
		return fmt.Errorf("%d heads: %w", len(b.Seen), ErrMalformed)
	}
	for i, h := range b.Seen {
		if h.From == b.From || h.Seq < 1 || h.Seq > MaxNumber || h.ID == (ID{}) {
			return fmt.Errorf("head %d: %w", i, ErrMalformed)
		}
		for _, other := range b.Seen[:i] {
			if h.From == other.From {
				return fmt.Errorf("two heads of one member: %w", ErrMalformed)
			}
		}
	}
	return b.Content.check()
}

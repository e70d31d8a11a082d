package session

import (
	"bytes"
	"crypto/hpke"
	"fmt"
	"slices"
	"unicode/utf8"

	"hubbub/channels/codec"
)

// Limits of asides, in bytes where nothing else is said.
const (
	MaxAsides    = 64    // in one body
	MaxAside     = 61500 // of what one holds: a line of MaxText fits
	MaxLines     = 500   // shared in one
	MaxLineNick  = 32    // of Line.Nick
	MaxForkKey   = 1024  // of Fork.Key
	MaxForkName  = 64    // of Fork.Name
	shareTarget  = 58000 // of what Shares puts into one, unless a line alone is longer
	asideMinimum = aeadTag + 1
)

// Asides is for single members: all have the envelope, and each of those whom it
// names can open the one that is for him.
type Asides struct {
	Asides []Aside `cbor:"asides"` // 1 to MaxAsides, in ascending order of For, one for each at most
}

// Aside is something sealed to one member's prekey. All see for whom it is, and
// how long.
type Aside struct {
	For    Member        `cbor:"for"`
	Number int64         `cbor:"number"` // of For's prekey that it is sealed to
	Enc    [encSize]byte `cbor:"enc"`
	Sealed []byte        `cbor:"sealed"`
}

// Whisper is what an aside holds: a Share, a Fork or an Again.
type Whisper interface {
	wire() wireWhisper
	check() error
}

// Share repeats lines of the sender's history. What it says of them is the
// sender's word alone.
type Share struct {
	Lines []Line // 1 to MaxLines, the oldest first
}

// Line is a line of a Share.
type Line struct {
	Nick  string `cbor:"nick"` // of who said it: 1 to MaxLineNick bytes of UTF-8
	Time  int64  `cbor:"time"` // when, as in a Body
	Text  string `cbor:"text"` // as in a Text
	Style Style  `cbor:"style,omitempty"`
}

// Fork invites to a channel founded to leave this one.
type Fork struct {
	Key     string `cbor:"key"`     // one-time key, as it is typed after /join
	Name    string `cbor:"name"`    // that its founder suggests for the channel
	Expires int64  `cbor:"expires"` // when the key does, as in a Body
}

// wireWhisper is a whisper as it is sealed.
type wireWhisper struct {
	Kind    string `cbor:"kind"`
	Lines   []Line `cbor:"lines,omitempty"`
	Key     string `cbor:"key,omitempty"`
	Name    string `cbor:"name,omitempty"`
	Expires int64  `cbor:"expires,omitempty"`
	Again   *Again `cbor:"again,omitempty"`
}

// The kinds of whispers.
const (
	whisperShare = "share"
	whisperFork  = "fork"
	whisperAgain = "again"
)

func (s Share) wire() wireWhisper { return wireWhisper{Kind: whisperShare, Lines: s.Lines} }

func (f Fork) wire() wireWhisper {
	return wireWhisper{Kind: whisperFork, Key: f.Key, Name: f.Name, Expires: f.Expires}
}

// wire makes an Again a whisper, too: what was sealed before others came is sent
// again to who had it alone.
func (a Again) wire() wireWhisper { return wireWhisper{Kind: whisperAgain, Again: &a} }

// SealAside seals a whisper of sender's to the prekey of that number of one
// member. Like a box it is bound to channel, sender and recipient, so that nobody
// can pass it on as his own.
//
// Errors: ErrMalformed (what is out of its limits), ErrTooLong, ErrPrekey.
func SealAside(channel Channel, sender Member, to Recipient, number int64, w Whisper) (Aside, error) {
	plain, err := encodeWhisper(w)
	if err != nil {
		return Aside{}, err
	}
	public, err := hpke.MLKEM768X25519().NewPublicKey(to.Prekey[:])
	if err != nil {
		return Aside{}, fmt.Errorf("an aside: %w: %w", ErrPrekey, err)
	}
	sealed, err := hpke.Seal(public, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), asideInfo(channel, sender, to.Member), plain)
	if err != nil {
		return Aside{}, fmt.Errorf("an aside: %w: %w", ErrPrekey, err)
	}
	return Aside{For: to.Member, Number: number, Enc: [encSize]byte(sealed), Sealed: sealed[encSize:]}, nil
}

// Open opens an aside that stood in an envelope of sender's with the prekey that
// Number names. Errors: ErrSealed; ErrMalformed (it opened, and makes no sense to
// hubbub/1); ErrPrekey (a Prekey not from NewPrekey or PrekeyFromSeed).
func (a Aside) Open(prekey Prekey, channel Channel, sender Member) (Whisper, error) {
	if prekey.private == nil {
		return nil, fmt.Errorf("a prekey that was not expanded: %w", ErrPrekey)
	}
	plain, err := hpke.Open(prekey.private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(),
		asideInfo(channel, sender, a.For), slices.Concat(a.Enc[:], a.Sealed))
	if err != nil {
		return nil, fmt.Errorf("opening an aside: %w", ErrSealed)
	}
	return decodeWhisper(plain)
}

// asideInfo is HPKE's info: label | channel | sender | recipient.
func asideInfo(channel Channel, sender, recipient Member) []byte {
	return slices.Concat([]byte(labelAside), channel[:], sender[:], recipient[:])
}

func encodeWhisper(w Whisper) ([]byte, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	plain, err := codec.Marshal(w.wire())
	if err != nil {
		return nil, err
	}
	if len(plain) > MaxAside {
		return nil, fmt.Errorf("an aside of %d bytes: %w", len(plain), ErrTooLong)
	}
	return plain, nil
}

func decodeWhisper(plain []byte) (Whisper, error) {
	if len(plain) > MaxAside {
		return nil, fmt.Errorf("an aside of %d bytes: %w", len(plain), ErrMalformed)
	}
	var v wireWhisper
	if err := codec.Unmarshal(plain, &v); err != nil {
		return nil, fmt.Errorf("an aside: %w: %w", ErrMalformed, err)
	}
	var w Whisper
	switch {
	case v.Kind == whisperShare && v.Key == "" && v.Name == "" && v.Expires == 0 && v.Again == nil:
		w = Share{v.Lines}
	case v.Kind == whisperFork && v.Lines == nil && v.Again == nil:
		w = Fork{v.Key, v.Name, v.Expires}
	case v.Kind == whisperAgain && v.Lines == nil && v.Key == "" && v.Name == "" && v.Expires == 0 && v.Again != nil:
		w = *v.Again
	default:
		return nil, fmt.Errorf("an aside's kind: %w", ErrMalformed)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	return w, nil
}

// Shares puts lines into as few shares as it takes for each to fit an aside, in
// their order. Lines that are out of their limits are left out.
func Shares(lines []Line) []Share {
	var shares []Share
	var now Share
	size := 0
	for _, l := range lines {
		encoded, err := codec.Marshal(l)
		if err != nil || l.check() != nil {
			continue
		}
		if n := len(now.Lines); n == MaxLines || n > 0 && size+len(encoded) > shareTarget {
			shares, now, size = append(shares, now), Share{}, 0
		}
		now.Lines = append(now.Lines, l)
		size += len(encoded)
	}
	if len(now.Lines) > 0 {
		shares = append(shares, now)
	}
	return shares
}

func (a Asides) check() error {
	if len(a.Asides) == 0 || len(a.Asides) > MaxAsides {
		return fmt.Errorf("%d asides: %w", len(a.Asides), ErrMalformed)
	}
	for i, v := range a.Asides {
		if v.Number < 0 || v.Number > MaxNumber || len(v.Sealed) < asideMinimum || len(v.Sealed) > MaxAside+aeadTag {
			return fmt.Errorf("aside %d of %d bytes: %w", i, len(v.Sealed), ErrMalformed)
		}
		if i > 0 && bytes.Compare(a.Asides[i-1].For[:], v.For[:]) >= 0 {
			return fmt.Errorf("asides out of order: %w", ErrMalformed)
		}
	}
	return nil
}

func (s Share) check() error {
	if len(s.Lines) == 0 || len(s.Lines) > MaxLines {
		return fmt.Errorf("%d lines shared: %w", len(s.Lines), ErrMalformed)
	}
	for _, l := range s.Lines {
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

func (l Line) check() error {
	if len(l.Nick) == 0 || len(l.Nick) > MaxLineNick || !utf8.ValidString(l.Nick) {
		return fmt.Errorf("a nick of %d bytes: %w", len(l.Nick), ErrMalformed)
	}
	if l.Time < 0 || l.Time > MaxTime {
		return fmt.Errorf("time %d: %w", l.Time, ErrMalformed)
	}
	return Text{l.Text, l.Style}.check()
}

func (f Fork) check() error {
	if len(f.Key) == 0 || len(f.Key) > MaxForkKey || !utf8.ValidString(f.Key) {
		return fmt.Errorf("a one-time key of %d bytes: %w", len(f.Key), ErrMalformed)
	}
	if len(f.Name) == 0 || len(f.Name) > MaxForkName || !utf8.ValidString(f.Name) {
		return fmt.Errorf("a channel's name of %d bytes: %w", len(f.Name), ErrMalformed)
	}
	if f.Expires < 1 || f.Expires > MaxTime {
		return fmt.Errorf("time %d: %w", f.Expires, ErrMalformed)
	}
	return nil
}

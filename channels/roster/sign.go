package roster

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"hubbub/channels/codec"
)

// What is hashed and signed is a label followed by the operation's bytes, each
// use under its own label. No label is the beginning of another.
const (
	labelHash   = "hubbub/1 operation hash"
	labelAuthor = "hubbub/1 operation signed by its author"
	labelInvite = "hubbub/1 join signed by the invite key"
	labelToken  = "hubbub/1 operation signed by the token key"
)

// ErrSignature is returned for an operation with a signature that its key did
// not make, that is missing, or that its kind does not have.
var ErrSignature = errors.New("an operation's signature does not verify")

// Signed is an operation that verifies alone. It is made by Parse and the
// Sign functions only, and never changes.
type Signed struct {
	op    Op
	hash  Hash
	bytes []byte
	names []Hash // the operations that it names: its parents
}

// newSigned takes an operation that was checked and verified, and its bytes.
func newSigned(op Op, body, data []byte) *Signed {
	names := append(op.Args.names(), op.Heads...)
	if op.N > 0 {
		names = append(names, op.Prev)
	}
	return &Signed{op: op, hash: hashOf(body), bytes: data, names: names}
}

// Op returns the operation. Its slices are shared: do not change them.
func (s *Signed) Op() Op { return s.op }

// Hash returns the operation's hash, which names it.
func (s *Signed) Hash() Hash { return s.hash }

// Channel returns the id of the channel it belongs to: of a found, the one it
// founds.
func (s *Signed) Channel() Channel {
	if s.op.Args.Kind() == KindFound {
		return Channel(s.hash)
	}
	return s.op.Channel
}

// Bytes returns the operation as it travels and is stored, at most MaxSigned
// bytes. Shared: do not change them.
func (s *Signed) Bytes() []byte { return s.bytes }

// opForm is an operation's bytes: canonical CBOR of this map.
type opForm struct {
	Kind    Kind      `cbor:"kind"`
	Channel Channel   `cbor:"channel,omitzero"`
	By      Member    `cbor:"by"`
	N       int64     `cbor:"n"`
	Prev    Hash      `cbor:"prev,omitzero"`
	Heads   []Hash    `cbor:"heads,omitempty"`
	Time    int64     `cbor:"time"`
	Args    codec.Raw `cbor:"args"`
}

// signedForm is what travels: canonical CBOR of this map.
type signedForm struct {
	Op     []byte `cbor:"o"`           // the operation's bytes
	Author []byte `cbor:"s"`           // by Op.By
	Invite []byte `cbor:"i,omitempty"` // join: by Join.Key
	Token  []byte `cbor:"t,omitempty"` // found and join: by their Token
}

// Parse takes an operation as it travels and verifies all that can be verified
// alone: its size, canonical form, every field, and every signature. Errors
// wrap ErrSignature, codec's, or say what is wrong with a field.
func Parse(data []byte) (*Signed, error) {
	if len(data) > MaxSigned {
		return nil, fmt.Errorf("an operation of %d bytes, more than %d", len(data), MaxSigned)
	}
	var form signedForm
	if err := codec.Unmarshal(data, &form); err != nil {
		return nil, fmt.Errorf("parsing a signed operation: %w", err)
	}
	op, err := parseOp(form.Op)
	if err != nil {
		return nil, fmt.Errorf("parsing an operation: %w", err)
	}
	if err := form.verify(op); err != nil {
		return nil, err
	}
	return newSigned(op, form.Op, bytes.Clone(data)), nil
}

// Sign signs an operation of any kind but found and join with its author's
// key, which must be that of op.By. Errors say what is wrong with op.
func Sign(op Op, key ed25519.PrivateKey) (*Signed, error) {
	return sign(op, key, nil, nil)
}

// SignFound signs a found with the founder's key and his token key, which must
// be those of op.By and Found.Token.
func SignFound(op Op, token, key ed25519.PrivateKey) (*Signed, error) {
	return sign(op, key, token, nil)
}

// SignJoin signs a join with the invite key, the joiner's token key and his
// own key, which must be those of Join.Key, Join.Token and op.By.
func SignJoin(op Op, invite, token, key ed25519.PrivateKey) (*Signed, error) {
	return sign(op, key, token, invite)
}

// sign encodes op, signs it with the keys given, and parses the result: what
// others would refuse is never made.
func sign(op Op, key, token, invite ed25519.PrivateKey) (*Signed, error) {
	if err := op.check(); err != nil {
		return nil, fmt.Errorf("signing an operation: %w", err)
	}
	body, err := op.encode()
	if err != nil {
		return nil, fmt.Errorf("signing an operation: %w", err)
	}
	form := signedForm{Op: body, Author: ed25519.Sign(key, labelled(labelAuthor, body))}
	if token != nil {
		form.Token = ed25519.Sign(token, labelled(labelToken, body))
	}
	if invite != nil {
		form.Invite = ed25519.Sign(invite, labelled(labelInvite, body))
	}
	data, err := codec.Marshal(form)
	if err != nil {
		return nil, fmt.Errorf("signing an operation: %w", err)
	}
	s, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("signing an operation: %w", err)
	}
	return s, nil
}

// verify checks that the operation has the signatures of its kind, and no
// others, and that each is by its key.
func (f signedForm) verify(op Op) error {
	var token, invite []byte
	switch a := op.Args.(type) {
	case Found:
		token = a.Token[:]
	case Join:
		token, invite = a.Token[:], a.Key[:]
	}
	for _, v := range []struct {
		label     string
		key       []byte // nil: this kind has no such signature
		signature []byte
	}{
		{labelAuthor, op.By[:], f.Author},
		{labelToken, token, f.Token},
		{labelInvite, invite, f.Invite},
	} {
		if v.key == nil && v.signature == nil {
			continue
		}
		if v.key == nil || !ed25519.Verify(v.key, labelled(v.label, f.Op), v.signature) {
			return fmt.Errorf("%s (%s): %w", op.Args.Kind(), v.label, ErrSignature)
		}
	}
	return nil
}

func (o Op) encode() ([]byte, error) {
	args, err := codec.Marshal(o.Args)
	if err != nil {
		return nil, err
	}
	return codec.Marshal(opForm{
		Kind: o.Args.Kind(), Channel: o.Channel, By: o.By, N: o.N,
		Prev: o.Prev, Heads: o.Heads, Time: o.Time, Args: args,
	})
}

func parseOp(data []byte) (Op, error) {
	var form opForm
	if err := codec.Unmarshal(data, &form); err != nil {
		return Op{}, err
	}
	args, err := parseArgs(form.Kind, form.Args)
	if err != nil {
		return Op{}, err
	}
	op := Op{
		Channel: form.Channel, By: form.By, N: form.N,
		Prev: form.Prev, Heads: form.Heads, Time: form.Time, Args: args,
	}
	return op, op.check()
}

func parseArgs(kind Kind, data []byte) (Args, error) {
	switch kind {
	case KindFound:
		return argsOf[Found](data)
	case KindInvite:
		return argsOf[Invite](data)
	case KindRevoke:
		return argsOf[Revoke](data)
	case KindJoin:
		return argsOf[Join](data)
	case KindConfirm:
		return argsOf[Confirm](data)
	case KindRemove:
		return argsOf[Remove](data)
	case KindLeave:
		return argsOf[Leave](data)
	case KindHubAdd:
		return argsOf[HubAdd](data)
	case KindHubDrop:
		return argsOf[HubDrop](data)
	case KindTopic:
		return argsOf[Topic](data)
	case KindNick:
		return argsOf[Nick](data)
	}
	return nil, fmt.Errorf("no such kind of operation: %.20q", kind)
}

func argsOf[A Args](data []byte) (Args, error) {
	var a A
	err := codec.Unmarshal(data, &a)
	return a, err
}

func hashOf(op []byte) Hash { return sha256.Sum256(labelled(labelHash, op)) }

func labelled(label string, op []byte) []byte {
	return append([]byte(label), op...)
}

package session

import (
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
)

// person is a member as tests see one. Everything about a person follows from
// the name, so that vectors name people, too.
type person struct {
	name   string
	sign   ed25519.PrivateKey
	member Member
	prekey Prekey
	key    SenderKey
}

var theChannel = seed("channel")

// seed is 32 bytes for a purpose.
func seed(purpose string) Secret { return sha256.Sum256([]byte("hubbub test " + purpose)) }

func newPerson(t testing.TB, name string) *person {
	t.Helper()
	s := seed(name + " signs")
	p := &person{name: name, sign: ed25519.NewKeyFromSeed(s[:])}
	p.member = Member(p.sign.Public().(ed25519.PublicKey))
	p.prekey = must(PrekeyFromSeed(seed(name + " prekey")))(t)
	id := seed(name + " key id")
	p.key = SenderKey{ID: KeyID(id[:16]), Chain: seed(name + " chain")}
	return p
}

// recipient is the person as others seal to.
func (p *person) recipient() Recipient { return Recipient{p.member, p.prekey.Public} }

// says is a body of the person's.
func (p *person) says(content Content) Body {
	return Body{
		From: p.member, Seq: 7, Prev: seed(p.name + " prev"), Time: 1767225600000,
		Members: Members{Count: 12, Hash: seed("members")}, Content: content,
	}
}

// seal seals a body with the person's sender key, which moves on.
func (p *person) seal(t testing.TB, content Content, to ...*person) Sealed {
	t.Helper()
	body := must(EncodeBody(p.says(content)))(t)
	s := Sealing{Channel: theChannel, From: p.sign, Key: p.key, Body: body}
	for _, r := range to {
		s.Recipients = append(s.Recipients, r.recipient())
	}
	sealed := must(Seal(s))(t)
	p.key = sealed.Next
	return sealed
}

// fresh is the content of a key envelope of the person's.
func (p *person) fresh() FreshKey { return FreshKey{NumberedPrekey{1, p.prekey.Public}} }

// chainOf is the receiving side of the person's sender key as it is now.
func (p *person) chain() ReceiverChain {
	return NewReceiverChain(p.member, p.key.ID, p.key.Chain, p.key.Iteration)
}

// open opens an envelope of from's whose chain is known, all the way.
func open(envelope []byte, from Member, chain ReceiverChain) (Body, ReceiverChain, error) {
	e, err := Parse(envelope)
	if err != nil {
		return Body{}, chain, err
	}
	key, next, err := chain.MessageKey(e.Iteration)
	if err != nil {
		return Body{}, chain, err
	}
	signed, err := e.Open(theChannel, from, key)
	if err != nil {
		return Body{}, chain, err
	}
	body, err := DecodeBody(signed.Body, from)
	if err != nil {
		return Body{}, chain, err
	}
	return body, next, nil
}

// openBox opens an envelope of from's by the box that it has for p.
func (p *person) openBox(envelope []byte, from Member) (Body, ReceiverChain, error) {
	e, err := Parse(envelope)
	if err != nil {
		return Body{}, ReceiverChain{}, err
	}
	chain, err := e.OpenBox(p.prekey, theChannel, from, p.member)
	if err != nil {
		return Body{}, ReceiverChain{}, err
	}
	return open(envelope, from, chain)
}

// must unwraps what can't fail in this test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

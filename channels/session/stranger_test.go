package session_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// This file reads the vectors as a stranger would who has docs/protocol.md and
// nothing of package session: it must go on without importing it.

// unhex is bytes from JSON.
type unhex []byte

func (u *unhex) UnmarshalText(text []byte) (err error) {
	*u, err = hex.DecodeString(string(text))
	return err
}

func read(t *testing.T, file string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../docs/vectors", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(file, err)
	}
}

// kdf is RFC 5869 by hand: no salt, 32 bytes.
func kdf(secret []byte, label string) []byte {
	extract := hmac.New(sha256.New, make([]byte, 32))
	extract.Write(secret)
	expand := hmac.New(sha256.New, extract.Sum(nil))
	expand.Write([]byte(label))
	expand.Write([]byte{1})
	return expand.Sum(nil)
}

func hash(parts ...[]byte) []byte {
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return sum[:]
}

func opened(t *testing.T, key, nonce, sealed []byte, aad ...[]byte) []byte {
	t.Helper()
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, nonce, sealed, bytes.Join(aad, nil))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func equal(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) || len(want) == 0 {
		t.Errorf("%s is %x, want %x", what, got, want)
	}
}

func TestStrangerDerives(t *testing.T) {
	var v struct {
		Chains []struct {
			Chain      unhex `json:"chain_key"`
			Message    unhex `json:"message_key"`
			Commitment unhex `json:"commitment"`
			Next       unhex `json:"next_chain_key"`
		} `json:"chains"`
		Prekeys []struct{ Seed, Public unhex } `json:"prekeys"`
		Tags    []struct {
			Prekey, Sender, Tag unhex
			KeyID               unhex `json:"key_id"`
		} `json:"tags"`
		Invites []struct {
			Secret, Slot unhex
			Seed         unhex `json:"invite_key_seed"`
			Public       unhex `json:"invite_key_public"`
			Blob         unhex `json:"blob_key"`
			Join         unhex `json:"join_key"`
		} `json:"invites"`
		Own []struct {
			Member unhex `json:"member_key_seed"`
			Half   unhex `json:"first_half"`
			KeyID  unhex `json:"key_id"`
		} `json:"own_key_ids"`
	}
	read(t, "derivation.json", &v)
	if len(v.Chains)*len(v.Prekeys)*len(v.Tags)*len(v.Invites)*len(v.Own) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v.Chains {
		equal(t, "message key", kdf(c.Chain, "hubbub/1 message"), c.Message)
		equal(t, "next chain key", kdf(c.Chain, "hubbub/1 chain"), c.Next)
		equal(t, "commitment", kdf(c.Message, "hubbub/1 commitment"), c.Commitment)
	}
	for _, c := range v.Prekeys {
		private, err := hpke.MLKEM768X25519().NewPrivateKey(c.Seed)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "prekey", private.PublicKey().Bytes(), c.Public)
	}
	for _, c := range v.Tags {
		equal(t, "tag", hash([]byte("hubbub/1 tag"), c.Prekey, c.Sender, c.KeyID)[:8], c.Tag)
	}
	for _, c := range v.Invites {
		equal(t, "slot", kdf(c.Secret, "hubbub/1 slot")[:16], c.Slot)
		equal(t, "invite key's seed", kdf(c.Secret, "hubbub/1 invite key"), c.Seed)
		equal(t, "invite key", ed25519.NewKeyFromSeed(c.Seed)[32:], c.Public)
		equal(t, "blob key", kdf(c.Secret, "hubbub/1 blob key"), c.Blob)
		equal(t, "join key", kdf(c.Secret, "hubbub/1 join key"), c.Join)
	}
	for _, c := range v.Own {
		mark, err := hkdf.Key(sha256.New, c.Member, c.Half, "hubbub/1 own key id", 8)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "own key id", append(bytes.Clone(c.Half), mark...), c.KeyID)
	}
}

func TestStrangerOpensEnvelopes(t *testing.T) {
	var v struct {
		Envelopes []struct {
			Name, Iteration                     any
			Channel, Sender, Body, Envelope, ID unhex
			KeyID                               unhex `json:"key_id"`
			Chain                               unhex `json:"chain_key"`
			HeaderHash                          unhex `json:"header_hash"`
			Recipients                          []struct {
				Member     unhex
				PrekeySeed unhex `json:"prekey_seed"`
			}
		} `json:"envelopes"`
	}
	read(t, "envelope.json", &v)
	if len(v.Envelopes) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v.Envelopes {
		e := []byte(c.Envelope)
		boxes := int(binary.BigEndian.Uint16(e[18:20]))
		header := e[:80+boxes*1176]
		tail := header[20+boxes*1176:]
		nonce, total, commitment := tail[:24], tail[24:28], tail[28:]
		if e[0] != 1 || float64(e[17]) != c.Iteration || int(binary.BigEndian.Uint32(total)) != len(e) {
			t.Errorf("%s: version, iteration or total", c.Name)
		}
		equal(t, "key id", e[1:17], c.KeyID)
		message := kdf(c.Chain, "hubbub/1 message")
		equal(t, "commitment", kdf(message, "hubbub/1 commitment"), commitment)
		plain := opened(t, message, nonce, e[len(header):], header)
		n := binary.BigEndian.Uint32(plain)
		equal(t, "body", plain[4:4+n], c.Body)
		equal(t, "header's hash", hash(header), c.HeaderHash)
		signed := bytes.Join([][]byte{[]byte("hubbub/1 envelope"), c.Channel, hash(header), c.Body}, nil)
		if !ed25519.Verify(ed25519.PublicKey(c.Sender), signed, plain[4+n:4+n+64]) {
			t.Errorf("%s: wrong signature", c.Name)
		}
		if len(bytes.Trim(plain[4+n+64:], "\x00")) > 0 {
			t.Errorf("%s: padding is not zeros", c.Name)
		}
		equal(t, "id", hash(e), c.ID)
		for _, r := range c.Recipients {
			equal(t, "chain key", openedBox(t, header, r.PrekeySeed, c.Channel, c.Sender, r.Member, c.KeyID), c.Chain)
		}
	}
}

// openedBox is the chain key in a recipient's box.
func openedBox(t *testing.T, header, prekeySeed, channel, sender, recipient, keyID []byte) []byte {
	t.Helper()
	private, err := hpke.MLKEM768X25519().NewPrivateKey(prekeySeed)
	if err != nil {
		t.Fatal(err)
	}
	tag := hash([]byte("hubbub/1 tag"), private.PublicKey().Bytes(), sender, keyID)[:8]
	at := bytes.Index(header, tag)
	if at < 20 {
		t.Fatalf("no box for %x", recipient)
	}
	info := bytes.Join([][]byte{[]byte("hubbub/1 box"), channel, sender, recipient, keyID}, nil)
	box := header[at+8:][:1168]
	context, err := hpke.NewRecipient(box[:1120], private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := context.Open(nil, box[1120:])
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func TestStrangerOpensAsides(t *testing.T) {
	var v []struct {
		Channel, Sender, Recipient, Plain, Enc, Sealed unhex
		PrekeySeed                                     unhex `json:"prekey_seed"`
	}
	read(t, "aside.json", &v)
	if len(v) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v {
		private, err := hpke.MLKEM768X25519().NewPrivateKey(c.PrekeySeed)
		if err != nil {
			t.Fatal(err)
		}
		info := bytes.Join([][]byte{[]byte("hubbub/1 aside"), c.Channel, c.Sender, c.Recipient}, nil)
		context, err := hpke.NewRecipient(c.Enc, private, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), info)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := context.Open(nil, c.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "what is said aside", plain, c.Plain)
	}
}

func TestStrangerOpensInvites(t *testing.T) {
	var v struct {
		Blobs []struct{ Secret, Card, Offer, Blob unhex }
		Joins []struct{ Channel, Secret, Join, Entry unhex }
	}
	read(t, "invite.json", &v)
	if len(v.Blobs)*len(v.Joins) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v.Blobs {
		slot := kdf(c.Secret, "hubbub/1 slot")[:16]
		end := 1 + 24 + 168 + 16
		card := opened(t, kdf(c.Secret, "hubbub/1 blob key"), c.Blob[1:25], c.Blob[25:end], []byte("hubbub/1 card"), slot)
		equal(t, "card", card, c.Card)
		refresh := card[bytes.Index(card, []byte("\x67refresh\x58\x20"))+10:][:32]
		plain := opened(t, refresh, c.Blob[end:end+24], c.Blob[end+24:], []byte("hubbub/1 offer"), slot, c.Blob[:end])
		n := binary.BigEndian.Uint32(plain)
		equal(t, "offer", plain[4:4+n], c.Offer)
	}
	for _, c := range v.Joins {
		equal(t, "form and slot", c.Entry[:17], append([]byte{2}, kdf(c.Secret, "hubbub/1 slot")[:16]...))
		key := kdf(c.Secret, "hubbub/1 join key")
		plain := opened(t, key, c.Entry[17:41], c.Entry[41:], []byte("hubbub/1 sealed join"), c.Channel, c.Entry[:17])
		n := binary.BigEndian.Uint32(plain)
		equal(t, "join", plain[4:4+n], c.Join)
	}
}

package sim

import (
	"crypto/sha256"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// use is one use of a message key, or of a nonce.
type use struct {
	key       session.KeyID
	iteration int
	nonce     [24]byte
}

// uses says in which envelope each was.
type uses map[use]entryID

// record notes the keys and nonces of the envelopes that a gateway hands out, and
// holds that no two share one: neither are keys used twice, nor does anybody pass
// on another's envelope changed.
func (w *World) record(p *person, requests []channels.Request) {
	if p.evil {
		return
	}
	for _, r := range requests {
		for _, c := range r.Calls {
			for _, entry := range entriesOf(c) {
				w.recordEntry(p.name, entry)
			}
		}
	}
}

func (w *World) recordEntry(by string, entry []byte) {
	if len(entry) == 0 || entry[0] != session.FormEnvelope || w.forged[sha256.Sum256(entry)] {
		return
	}
	e, err := session.Parse(entry)
	if err != nil {
		w.wrong(Keys, "%s hands out what is no envelope: %v", by, err)
		return
	}
	id := sha256.Sum256(entry)
	key := use{key: e.KeyID, iteration: e.Iteration}
	nonce := use{nonce: [24]byte(entry[20+e.Boxes()*session.BoxSize:])}
	for _, v := range []use{key, nonce} {
		if other, ok := w.used[v]; ok && other != id {
			w.wrong(Keys, "%s has used twice: key %x at %d, nonce %x", by, v.key[:4], v.iteration, v.nonce[:4])
		}
		w.used[v] = id
	}
}

// entriesOf are the entries that a call brings.
func entriesOf(c wire.SignedCall) [][]byte {
	switch args := c.Args.(type) {
	case wire.PutArgs:
		return [][]byte{args.Entry}
	case codec.Raw:
		var redeem wire.RedeemArgs
		if c.Op == wire.OpRedeem && codec.Unmarshal(args, &redeem) == nil {
			return redeem.Entries
		}
	}
	return nil
}

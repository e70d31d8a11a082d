package channels_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

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
type uses map[use][32]byte

// record notes the keys and nonces of all envelopes that were handed out, and
// holds that no two share one.
func (u uses) record(t testing.TB, by string, requests []channels.Request) {
	for _, r := range requests {
		for _, c := range r.Calls {
			for _, entry := range entriesOf(c) {
				if entry[0] != session.FormEnvelope {
					continue
				}
				e, err := session.Parse(entry)
				if err != nil {
					t.Fatalf("%s hands out what is no envelope: %v", by, err)
				}
				id := sha256.Sum256(entry)
				key := use{key: e.KeyID, iteration: e.Iteration}
				nonce := use{nonce: [24]byte(entry[20+e.Boxes()*session.BoxSize:])}
				for _, v := range []use{key, nonce} {
					if other, ok := u[v]; ok && other != id {
						t.Errorf("%s has used twice: %+v", by, v)
					}
					u[v] = id
				}
			}
		}
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

// everHad are all keys that a gateway ever had in its phonebook.
type everHad map[string]string

// keyColumns is where keys are, and what they are for.
var keyColumns = map[string]string{
	"a sender key's chain":   "SELECT chain FROM sending",
	"another's chain":        "SELECT chain FROM chains",
	"a skipped message key":  "SELECT message FROM skipped",
	"a prekey's seed":        "SELECT seed FROM prekeys",
	"a join key":             `SELECT "join" FROM invites WHERE "join" IS NOT NULL`,
	"an invite prekey":       "SELECT prekey FROM invites WHERE prekey IS NOT NULL",
	"an older invite prekey": "SELECT seed FROM invite_seeds",
	"an invite's secret":     "SELECT secret FROM invites WHERE secret IS NOT NULL",
	"a redeemed secret":      "SELECT secret FROM redeemed WHERE secret IS NOT NULL",
}

// gather adds the keys that are there now.
func (s *everHad) gather(core *channels.Core) {
	if *s == nil {
		*s = everHad{}
	}
	for what, query := range keyColumns {
		for _, key := range core.Blobs(query) {
			if len(key) >= 16 && !bytes.Equal(key, make([]byte, len(key))) {
				(*s)[string(key)] = what
			}
		}
	}
}

// checkErased holds that keys that were deleted are in no file of the
// phonebook any more.
func (g *randomWorld) checkErased() {
	for _, p := range g.players {
		var now everHad
		now.gather(p.core)
		files, err := filepath.Glob(filepath.Join(p.dir, "*"))
		if err != nil || len(files) == 0 {
			g.t.Fatal("there is no phonebook", err)
		}
		for _, f := range files {
			content, err := os.ReadFile(f)
			if err != nil {
				g.t.Fatal(err)
			}
			if found := deleted(content, p.keys, now); found != "" {
				g.wrong("%s of %s was deleted, and is in %s", found, p.name, filepath.Base(f))
			}
		}
		g.tell("%s had %d keys and has %d", p.name, len(p.keys), len(now))
	}
}

// deleted looks in a file for a key that was deleted.
func deleted(content []byte, ever, now everHad) string {
	// All keys by their first bytes: the file is gone through once.
	gone := map[uint64][]string{}
	for key := range ever {
		if _, kept := now[key]; !kept {
			head := binary.BigEndian.Uint64([]byte(key))
			gone[head] = append(gone[head], key)
		}
	}
	for i := 0; i+8 <= len(content); i++ {
		for _, key := range gone[binary.BigEndian.Uint64(content[i:])] {
			if bytes.HasPrefix(content[i:], []byte(key)) {
				return fmt.Sprintf("%s (at %d)", ever[key], i)
			}
		}
	}
	return ""
}

func resultLine(r wire.Result) string {
	if r.Error != nil {
		return fmt.Sprintf(" [%s]", r.Error.Code)
	}
	var f wire.FetchResult
	if codec.Unmarshal(r.Value, &f) == nil {
		line := " ["
		for _, e := range f.Entries {
			id := sha256.Sum256(e.Bytes)
			line += fmt.Sprintf(" %x", id[:3])
		}
		return line + "]"
	}
	return " ok"
}

func callsLine(calls []wire.SignedCall) (line string) {
	for _, c := range calls {
		line += " " + string(c.Op)
		for _, entry := range entriesOf(c) {
			id := sha256.Sum256(entry)
			line += fmt.Sprintf(" %x", id[:3])
		}
	}
	return line
}

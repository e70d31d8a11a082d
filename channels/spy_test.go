package channels_test

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"hubbub/channels"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// spy is somebody who has all that a hub ever held of a channel, and every key that
// he was ever given or found. He tries all of them on everything: chains forward to
// their ends, prekeys as everybody's, what is in one envelope on all others. Nothing
// of the core's is used but the phonebooks' bytes, and nothing of session's but what
// anybody can write from docs/protocol.md.
type spy struct {
	t       testing.TB
	channel session.Channel

	as      map[session.Member]bool           // whom boxes may be for: his own id, invites' keys
	from    map[session.Member]bool           // who may have sealed them: all he has heard of
	chains  map[session.Secret]bool           // those that he has followed to the end
	message map[session.Secret]session.Secret // message keys, by what they commit to
	prekeys map[session.Secret]session.Prekey // by seed
	joins   map[session.Secret]bool           // join keys
	entries map[session.ID][]byte             // what the hub held
	order   []session.ID                      // as it came
	read    map[session.ID]session.Body       // of envelopes, what they say
	joined  map[session.ID]roster.Member      // of sealed joins, whose
	joinOps [][]byte                          // what is in them
	asides  map[session.ID][]session.Whisper  // in envelopes, what he could open
	tags    map[session.ID]map[[64]byte]bool  // of envelopes: prekey's seed and sender that no box is for
}

func newSpy(t testing.TB) *spy {
	return &spy{
		t: t, as: map[session.Member]bool{}, from: map[session.Member]bool{}, chains: map[session.Secret]bool{},
		message: map[session.Secret]session.Secret{}, prekeys: map[session.Secret]session.Prekey{}, joins: map[session.Secret]bool{},
		entries: map[session.ID][]byte{}, read: map[session.ID]session.Body{}, joined: map[session.ID]roster.Member{},
		asides: map[session.ID][]session.Whisper{}, tags: map[session.ID]map[[64]byte]bool{},
	}
}

// keys takes every key that is in a phonebook now.
func (s *spy) keys(core *channels.Core) {
	for _, b := range core.Blobs("SELECT channel FROM channels") {
		s.channel = session.Channel(b)
	}
	for _, b := range core.Blobs("SELECT member FROM channels") {
		id := session.Member(ed25519.NewKeyFromSeed(b).Public().(ed25519.PublicKey))
		s.as[id], s.from[id] = true, true
	}
	for _, b := range core.Blobs("SELECT bytes FROM operations") {
		s.operation(b)
	}
	for _, query := range []string{"SELECT chain FROM sending", "SELECT chain FROM chains"} {
		for _, b := range core.Blobs(query) {
			s.chain(session.Secret(b))
		}
	}
	for _, b := range core.Blobs("SELECT message FROM skipped") {
		s.messageKey(session.Secret(b))
	}
	for _, query := range []string{"SELECT seed FROM prekeys", "SELECT prekey FROM invites WHERE prekey IS NOT NULL", "SELECT seed FROM invite_seeds"} {
		for _, b := range core.Blobs(query) {
			s.prekey(session.Secret(b))
		}
	}
	for _, b := range core.Blobs(`SELECT "join" FROM invites WHERE "join" IS NOT NULL`) {
		s.joins[session.Secret(b)] = true
	}
	for _, query := range []string{"SELECT secret FROM invites WHERE secret IS NOT NULL", "SELECT secret FROM redeemed WHERE secret IS NOT NULL"} {
		for _, b := range core.Blobs(query) {
			s.invite(session.DeriveInvite(session.InviteSecret(b)))
		}
	}
}

// invite takes what follows from a one-time key.
func (s *spy) invite(keys session.InviteKeys) {
	s.joins[keys.Join], s.as[keys.ID()] = true, true
}

// operation takes whose it is, and the key of an invite.
func (s *spy) operation(b []byte) {
	op, err := roster.Parse(b)
	if err != nil {
		return
	}
	s.from[session.Member(op.Op().By)] = true
	if i, ok := op.Op().Args.(roster.Invite); ok {
		s.as[session.Member(i.Key)] = true
	}
}

// chain follows a chain to its end. At which iteration it stands does not matter:
// the keys behind the last are good for nothing.
func (s *spy) chain(key session.Secret) {
	c := session.NewReceiverChain(session.Member{}, session.KeyID{}, key, 0)
	for i := 0; i <= session.MaxIteration && c.Chain != (session.Secret{}) && !s.chains[c.Chain]; i++ {
		s.chains[c.Chain] = true
		message, next, err := c.MessageKey(i)
		if err != nil {
			s.t.Fatal(err)
		}
		s.messageKey(message)
		c = next
	}
}

// messageKey notes a message key by the commitment that envelopes show.
func (s *spy) messageKey(key session.Secret) {
	shown, err := hkdf.Key(sha256.New, key[:], nil, "hubbub/1 commitment", 32)
	if err != nil {
		s.t.Fatal(err)
	}
	s.message[session.Secret(shown)] = key
}

func (s *spy) prekey(seed session.Secret) {
	if _, has := s.prekeys[seed]; has {
		return
	}
	k, err := session.PrekeyFromSeed(seed)
	if err != nil {
		s.t.Fatal(err)
	}
	s.prekeys[seed] = k
}

// copies takes all that is in a hub's database.
func (s *spy) copies(h *hubHouse) {
	for _, b := range h.rows("SELECT bytes FROM entries ORDER BY n") {
		s.entry(b)
	}
}

// taps takes all that somebody has ever asked a hub to keep, whether it did or not.
func (s *spy) taps(people ...*person) {
	for _, p := range people {
		for _, r := range p.made {
			for _, c := range r.Calls {
				if c.Op == wire.OpPut || c.Op == wire.OpRedeem {
					for _, e := range entriesOf(c) {
						s.entry(e)
					}
				}
			}
		}
	}
}

func (s *spy) entry(b []byte) {
	id := session.ID(sha256.Sum256(b))
	if _, has := s.entries[id]; !has {
		s.entries[id] = b
		s.order = append(s.order, id)
	}
}

// rows are the values of a query's first column in the hub's database.
func (h *hubHouse) rows(query string) (all [][]byte) {
	files, err := filepath.Glob(filepath.Join(h.data, "*.db"))
	if err != nil || len(files) != 1 {
		h.w.t.Fatalf("the hub's database: %q, %v", files, err)
	}
	db, err := sql.Open("sqlite", "file:"+files[0])
	if err != nil {
		h.w.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		h.w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			h.w.t.Fatal(err)
		}
		all = append(all, b)
	}
	if err := rows.Err(); err != nil {
		h.w.t.Fatal(err)
	}
	return all
}

// attack tries everything on everything, until nothing more opens.
func (s *spy) attack() {
	for again := true; again; {
		again = false
		for _, id := range s.order {
			e := s.entries[id]
			_, read := s.read[id]
			_, joined := s.joined[id]
			switch {
			case read || joined:
			case e[0] == session.FormJoin:
				again = s.openJoin(id, e) || again
			case e[0] == session.FormEnvelope:
				again = s.open(id, e) || again
			}
		}
	}
}

func (s *spy) openJoin(id session.ID, e []byte) bool {
	for key := range s.joins {
		b, err := session.OpenJoin(s.channel, key, e)
		if err != nil {
			continue
		}
		op, err := roster.Parse(b)
		if err != nil {
			s.t.Fatalf("a sealed join: %v", err)
		}
		s.operation(b)
		s.joined[id], s.joinOps = op.Op().By, append(s.joinOps, b)
		return true
	}
	return false
}

// open opens an envelope, by a message key that he has or by a box.
func (s *spy) open(id session.ID, e []byte) bool {
	v, err := session.Parse(e)
	if err != nil {
		return false
	}
	if v.Boxes() > 0 {
		s.boxes(id, v)
	}
	commitment := session.Secret(e[48+v.Boxes()*session.BoxSize:])
	key, ok := s.message[commitment]
	if !ok {
		return false
	}
	for from := range s.from {
		signed, err := v.Open(s.channel, from, key)
		switch {
		case errors.Is(err, session.ErrSignature):
			continue // another's
		case err != nil:
			s.t.Fatalf("an envelope opens, and not whole: %v", err)
		}
		body, err := session.DecodeBody(signed.Body, from)
		if err != nil {
			s.t.Fatalf("an envelope opens, and says nothing: %v", err)
		}
		s.read[id] = body
		s.learn(id, body)
		return true
	}
	s.t.Fatalf("an envelope opens, and is nobody's")
	return false
}

// boxes tries each prekey on an envelope's boxes, as sealed by anybody to anybody.
func (s *spy) boxes(id session.ID, v session.Envelope) {
	if s.tags[id] == nil {
		s.tags[id] = map[[64]byte]bool{}
	}
	for seed, prekey := range s.prekeys {
		for from := range s.from {
			try := [64]byte(append(append([]byte(nil), seed[:]...), from[:]...))
			if s.tags[id][try] {
				continue
			}
			if _, ok := v.Box(session.Tag(&prekey.Public, from, v.KeyID)); !ok {
				s.tags[id][try] = true
				continue
			}
			for as := range s.as {
				if chain, err := v.OpenBox(prekey, s.channel, from, as); err == nil {
					s.chain(chain.Chain)
					s.tags[id][try] = true
				}
			}
		}
	}
}

// learn takes the keys that are in what he has read, and whom it names.
func (s *spy) learn(id session.ID, b session.Body) {
	var invites []session.OpenInvite
	switch c := b.Content.(type) {
	case session.Ops:
		for _, op := range c.Ops {
			s.operation(op)
		}
		invites = c.Invites
	case session.Snapshot:
		for _, op := range c.Ops {
			s.operation(op)
		}
	case session.Give:
		invites = c.Invites
	case session.Asides:
		for _, a := range c.Asides {
			for _, k := range s.prekeys {
				if w, err := a.Open(k, s.channel, b.From); err == nil {
					s.asides[id] = append(s.asides[id], w)
				}
			}
		}
	case session.Again:
		if again, err := session.OpenAgain(s.channel, c); err == nil {
			s.learn(id, again)
		}
	}
	for _, i := range invites {
		s.as[i.Invite], s.joins[i.Join] = true, true
		s.prekey(i.Prekey)
	}
}

// texts are those that he could read, with how often.
func (s *spy) texts() map[string]bool {
	all := map[string]bool{}
	for id, b := range s.read {
		if a, ok := b.Content.(session.Again); ok {
			if again, err := session.OpenAgain(s.channel, a); err == nil {
				b = again
			}
		}
		if c, ok := b.Content.(session.Text); ok {
			all[c.Text] = true
		}
		for _, w := range s.asides[id] {
			if share, ok := w.(session.Share); ok {
				for _, l := range share.Lines {
					all[l.Text] = true
				}
			}
		}
	}
	return all
}

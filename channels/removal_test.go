package channels_test

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// removes has somebody remove a member, as a later hubbub lets the user do: the
// operation is put into the outbox by hand.
func (p *person) removes(channel string, member session.Member, seq int64) {
	p.w.t.Helper()
	row := p.core.Number("SELECT id FROM channels WHERE name = ?", channel)
	id := roster.Channel(p.core.Blobs("SELECT channel FROM channels WHERE id = ?", row)[0])
	key := ed25519.NewKeyFromSeed(p.core.Blobs("SELECT member FROM channels WHERE id = ?", row)[0])
	set := roster.NewSet(id)
	for _, b := range p.core.Blobs("SELECT bytes FROM operations WHERE channel = ?", row) {
		op, err := roster.Parse(b)
		if err != nil {
			p.w.t.Fatal(err)
		}
		if _, err := set.Add(op); err != nil {
			p.w.t.Fatal(err)
		}
	}
	remove, err := set.Evaluate().Removal(roster.Member(member), seq)
	if err != nil {
		p.w.t.Fatal(err)
	}
	draft, err := set.Draft(roster.Member(key.Public().(ed25519.PublicKey)), p.w.now.UnixMilli(), remove)
	if err != nil {
		p.w.t.Fatal(err)
	}
	op, err := roster.Sign(draft, key)
	if err != nil {
		p.w.t.Fatal(err)
	}
	content, err := codec.Marshal(session.Ops{Ops: [][]byte{op.Bytes()}})
	if err != nil {
		p.w.t.Fatal(err)
	}
	hash := op.Hash()
	p.core.Tamper("INSERT INTO outbox (channel, kind, content, made) VALUES (?, 'op', ?, 0)", row, content)
	p.core.Tamper("INSERT INTO operations (channel, hash, bytes) VALUES (?, ?, ?)", row, hash[:], op.Bytes())
	p.core.Tamper("UPDATE channels SET rekey = 0 WHERE id = ?", row)
	p.step(channels.Tick{})
}

func TestARemovalIsObeyed(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(2 * time.Second)
	for _, say := range []func(){
		func() { bob.says("#alice", "it's me") }, func() { carol.says("#c", "hello") }, func() { alice.says("#bob", "hm") },
	} {
		say()
		w.run(2 * time.Second)
	}
	v, _ := alice.core.Channel("#bob")
	i := slices.IndexFunc(v.Members, func(m channels.MemberView) bool { return m.Nick == "bob" })
	seq := alice.core.Number("SELECT seq FROM peers WHERE member = ?", v.Members[i].ID[:])
	alice.removes("#bob", v.Members[i].ID, seq)
	w.run(5 * time.Second)

	if l, ok := last[channels.Left](carol); !ok || l != (channels.Left{Channel: "#c", Nick: "bob", By: "alice"}) {
		t.Errorf("carol was told %+v", carol.events)
	}
	if got := bob.infos("#alice"); len(got) != 1 || !strings.Contains(got[0], "alice has removed you") {
		t.Errorf("bob was told %q", got)
	}
	if count[channels.Left](bob) != 0 {
		t.Errorf("bob left by himself: %+v", bob.events)
	}
	bob.do(channels.Send{Ref: 3, Channel: "#alice", Kind: channels.Text, Text: "but"})
	if f, _ := last[channels.Failed](bob); f.Code != channels.CodeNotPossible || f.Ref != 3 {
		t.Errorf("bob was told %+v", f)
	}
	saw := len(bob.lines("#alice"))
	carol.says("#c", "is he gone?")
	alice.says("#bob", "yes")
	w.run(5 * time.Second)
	if got := bob.lines("#alice"); len(got) != saw {
		t.Errorf("bob reads on: %q", got[saw:])
	}
	if got := carol.lines("#c"); !slices.Contains(got, "alice: yes") {
		t.Errorf("carol saw %q", got)
	}
	// A gateway that does not obey says something nevertheless: it counts for nobody.
	bob.forge("#alice", func(b *session.Body) { b.Content = session.Text{Text: "I'm still here"} })
	w.run(5 * time.Second)
	if got := carol.lines("#c"); slices.Contains(got, "bob: I'm still here") {
		t.Errorf("carol saw %q", got)
	}
	bob.do(channels.Leave{Channel: "#alice"})
	if len(bob.core.Channels()) != 0 {
		t.Errorf("bob is in %+v", bob.core.Channels())
	}
}

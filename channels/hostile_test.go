package channels_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/session"
)

// TestHostileNicksAndTexts has bob's gateway be one that lets everything pass.
func TestHostileNicksAndTexts(t *testing.T) {
	long(t)
	w := begin(t)
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#x"})
	for i, c := range []struct{ raw, shown string }{
		{"alice", "alice_2"},
		{"sysop", "sysop_2"},
		{"\u202eecila", "ecila"},
		{"аlice", "аlice_2"}, // with a Cyrillic a
		{"@oper!x@y :hi", "operxyhi"},
		{"55", "somebody"},
		{"#\u200b&", "somebody_2"},
	} {
		p := w.person(fmt.Sprint("mallory", i))
		p.core.Tamper("UPDATE settings SET value = ? WHERE name = 'nick'", c.raw)
		p.redeems("#y", alice.invites("#x"))
		w.run(2 * time.Second)
		joined, _ := last[channels.Joined](alice)
		if c.shown == "аlice_2" {
			c.shown = "аlice_3" // alice_2 looks like it
		}
		if joined.Nick != c.shown {
			t.Errorf("%d: %q is shown as %q, not %q", i, c.raw, joined.Nick, c.shown)
		}
		p.stop()
	}
	if got := alice.nicks("#x")[0]; got != "alice" {
		t.Errorf("alice is shown as %q", got)
	}

	bob := w.person("bob")
	bob.redeems("#y", alice.invites("#x"))
	w.run(2 * time.Second)
	say := func(content any, want ...string) {
		t.Helper()
		before := len(alice.lines("#x"))
		w.hub("attic").fall()
		w.run(time.Second)
		bob.says("#y", "harmless")
		bytes, err := codec.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		bob.core.Tamper("UPDATE outbox SET content = ?", bytes)
		w.hub("attic").rise()
		w.run(5 * time.Minute)
		if got := alice.lines("#x")[before:]; !slices.Equal(got, want) {
			t.Errorf("%+v: alice saw %q, not %q", content, got, want)
		}
	}
	say(session.Text{Text: "a\x00b\x07c\u202ed\r\ne\rf\tg\u2028h\x1b[2J\u0085"}, "bob: abcd\ne\nf g\nh[2J")
	say(session.Text{Text: "\x01VERSION\x01"}, "bob: VERSION")
	say(session.Text{Text: "\x02bold\x0f \x0304red"}, "bob: \x02bold\x0f \x0304red")
	say(session.Text{Text: "\x00\u200b"}) // nothing is left of it
	say(session.Text{Text: strings.Repeat("€", 20_000)}, "bob: "+strings.Repeat("€", 20_000))
}

// TestRubbishInTheLog has a member put all kinds of rubbish on the hub: the log
// is read on.
func TestRubbishInTheLog(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob := w.two()
	bob.says("#alice", "before")
	w.run(2 * time.Second)
	own := bob.core.Blobs("SELECT bytes FROM entries WHERE state = 'own' ORDER BY id")
	random := make([]byte, 4096)
	rand.Read(random)
	rubbish := [][]byte{{0}, {1}, {2}, []byte("hello"), random, append([]byte{1}, random[:1023]...), append([]byte{2}, random[:1023]...)}
	for _, e := range own {
		flipped := bytes.Clone(e)
		flipped[len(flipped)-1] ^= 1
		key := bytes.Clone(e)
		key[3] ^= 1
		iteration := bytes.Clone(e)
		iteration[17] = 200
		rubbish = append(rubbish, flipped, key, iteration, e[:len(e)/2], append(bytes.Clone(e), 0))
	}
	alice.events, bob.events = nil, nil
	for _, e := range rubbish {
		bob.puts("#alice", e)
	}
	w.run(2 * time.Second)
	bob.says("#alice", "after")
	alice.says("#bob", "still here")
	w.run(5 * time.Second)
	if len(alice.events) != 2 || len(bob.events) != 2 {
		t.Errorf("alice was told %+v, bob %+v", alice.events, bob.events)
	}
	alice.saw("#bob", "alice: still here", "bob: after")
	bob.saw("#alice", "bob: after", "alice: still here")
	if v, _ := alice.core.Channel("#bob"); v.Hubs[0].Rubbish == 0 || v.Hubs[0].Standing != channels.Good {
		t.Errorf("alice sees the hub as %+v", v.Hubs[0])
	}
	w.hold = time.Hour
	w.run(40 * 24 * time.Hour) // what nobody can open is not kept for ever
	if n := alice.core.Number("SELECT count(*) FROM entries WHERE bytes IS NOT NULL AND state = 'unopened'"); n != 0 {
		t.Errorf("alice keeps %d pieces of rubbish", n)
	}
}

func TestClocksAreOff(t *testing.T) {
	long(t)
	for _, skew := range []time.Duration{20 * time.Minute, -20 * time.Minute, 3 * time.Hour, -3 * time.Hour, 30 * 24 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			w := begin(t)
			alice := w.person("alice")
			alice.owns(w.hub("attic"), false)
			alice.do(channels.Join{Channel: "#bob"})
			key := alice.invites("#bob")
			bob := w.person("bob")
			bob.skew = skew
			bob.redeems("#alice", key)
			for range 3 {
				alice.says("#bob", "tick")
				w.run(2 * time.Second)
				bob.says("#alice", "tock")
				w.run(2 * time.Second)
			}
			want := []string{"alice: tick", "bob: tock", "alice: tick", "bob: tock", "alice: tick", "bob: tock"}
			alice.saw("#bob", want...)
			bob.saw("#alice", want...)
			for _, p := range w.people {
				var before time.Time
				for _, e := range p.events {
					l, ok := e.(channels.Line)
					if !ok {
						continue
					}
					if l.Time.Before(before) || l.Time.After(w.now.Add(p.skew)) {
						t.Errorf("%s: %q is shown as of %v, after %v, and it is %v", p.name, l.Text, l.Time, before, w.now.Add(p.skew))
					}
					if l.Own {
						before = l.Time
					}
				}
			}
		})
	}
}

// TestAClockIsSetBack: nothing waits for a time that was.
func TestAClockIsSetBack(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	w.hub("attic").fall()
	w.run(10 * time.Minute)
	alice.skew = -24 * time.Hour
	alice.says("#bob", "yesterday")
	w.run(10 * time.Second)
	if got := alice.infos("#bob"); len(got) != 1 {
		t.Errorf("alice was told %q", got)
	}
	w.hub("attic").rise()
	w.run(3 * time.Minute)
	bob.saw("#alice", "alice: yesterday")
}

// TestARestoredPhonebook: who goes on from an old copy of his phonebook is told,
// and nobody sees two texts in one place.
func TestARestoredPhonebook(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	bob.says("#alice", "one")
	w.run(2 * time.Second)
	bob.stop()
	if err := os.CopyFS(bob.dir+".backup", os.DirFS(bob.dir)); err != nil {
		t.Fatal(err)
	}
	bob.start()
	bob.says("#alice", "two")
	bob.says("#alice", "three")
	w.run(2 * time.Second)
	alice.says("#bob", "I have read that")
	w.run(2 * time.Second)
	bob.stop()
	if err := errors.Join(os.RemoveAll(bob.dir), os.Rename(bob.dir+".backup", bob.dir)); err != nil {
		t.Fatal(err)
	}
	bob.events = nil
	bob.start()
	w.run(2 * time.Second)
	bob.says("#alice", "four")
	bob.says("#alice", "five")
	w.run(2 * time.Second)
	if warned, ok := last[channels.Warn](bob); !ok || !strings.Contains(warned.Text, "restored from a backup") || count[channels.Warn](bob) != 1 {
		t.Errorf("bob was told %+v", bob.events)
	}
	if n := count[channels.Warn](alice); n != 0 {
		t.Errorf("alice was warned: %+v", alice.events)
	}
	alice.saw("#bob", "bob: one", "bob: two", "bob: three", "alice: I have read that", "bob: four", "bob: five")
	w.run(3 * time.Minute)
	alice.says("#bob", "six") // under a new sender key, sealed to a prekey that the copy has
	w.run(2 * time.Second)
	if got := bob.lines("#alice"); got[len(got)-1] != "alice: six" {
		t.Errorf("bob saw %q", got)
	}
}

// TestACopyOfAGateway: two run from one phonebook, and both write in one place.
func TestACopyOfAGateway(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	bob.says("#alice", "one")
	w.run(2 * time.Second)
	bob.stop()
	thief := &person{w: w, name: "thief", dir: bob.dir + ".copy"}
	if err := os.CopyFS(thief.dir, os.DirFS(bob.dir)); err != nil {
		t.Fatal(err)
	}
	w.people = append(w.people, thief)
	bob.start()
	thief.start()
	w.run(time.Second)
	bob.says("#alice", "mine")
	thief.says("#alice", "not his")
	w.run(5 * time.Second)
	if warned, ok := last[channels.Warn](alice); !ok || !strings.Contains(warned.Text, "bob") || warned.Channel != "#bob" {
		t.Errorf("alice was told %+v", alice.events)
	}
	got := alice.lines("#bob") // neither is hidden
	if len(got) != 3 || !slices.Contains(got, "bob: mine") || !slices.Contains(got, "bob: not his") {
		t.Errorf("alice saw %q", got)
	}
}

// forge seals a body as somebody's gateway never would, and puts it.
func (p *person) forge(channel string, change func(*session.Body)) {
	p.w.t.Helper()
	one := func(column string) []byte {
		return p.core.Blobs("SELECT "+column+" FROM channels JOIN sending ON channels.id = sending.channel WHERE name = ?", channel)[0]
	}
	body := session.Body{
		Seq: p.core.Number("SELECT seq FROM channels WHERE name = ?", channel) + 1, Prev: session.ID(one("head")),
		Time: p.w.now.UnixMilli(), Content: session.Text{Text: "forged"},
	}
	from := ed25519.NewKeyFromSeed(one("member"))
	body.From = session.Member(from.Public().(ed25519.PublicKey))
	change(&body)
	encoded, err := session.EncodeBody(body)
	if err != nil {
		p.w.t.Fatal(err)
	}
	sealed, err := session.Seal(session.Sealing{
		Channel: session.Channel(one("channels.channel")), From: from, Body: encoded, Key: session.SenderKey{
			ID: session.KeyID(one("key")), Chain: session.Secret(one("chain")),
			Iteration: int(p.core.Number("SELECT iteration FROM channels JOIN sending ON channels.id = sending.channel WHERE name = ?", channel)),
		},
	})
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.puts(channel, sealed.Envelope)
}

// TestLiesAboutWhatOthersSaid: a member says that alice has said more than she
// did. She does not believe it, and nobody waits for what never was.
func TestLiesAboutWhatOthersSaid(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	carol := w.person("carol")
	carol.redeems("#c", alice.invites("#bob"))
	w.run(2 * time.Second)
	bob.says("#alice", "one")
	alice.says("#bob", "hello")
	w.run(2 * time.Second)
	var self session.Member
	v, _ := alice.core.Channel("#bob")
	self = v.Members[0].ID
	bob.forge("#alice", func(b *session.Body) {
		b.Seen = []session.Head{{From: self, Seq: 1000, ID: session.ID{1}}}
	})
	w.run(20 * time.Second)
	if got := alice.lines("#bob"); got[len(got)-1] != "bob: forged" {
		t.Fatalf("the forged text did not come: %q", got)
	}
	alice.says("#bob", "I said one thing only")
	w.run(2 * time.Second)
	if got := carol.lines("#c"); got[len(got)-1] != "alice: I said one thing only" {
		t.Errorf("carol saw %q", got)
	}
	if n := count[channels.Warn](alice) + count[channels.Warn](carol); n != 0 {
		t.Errorf("alice was told %+v", alice.events)
	}
	// What carol waited for ten seconds is shown late, for what it had seen never came.
	late := slices.ContainsFunc(carol.events, func(e channels.Event) bool {
		l, ok := e.(channels.Line)
		return ok && l.Text == "forged" && l.Late
	})
	if !late {
		t.Errorf("carol was told %+v", carol.events)
	}
}

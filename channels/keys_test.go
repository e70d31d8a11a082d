package channels_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hubbub/channels"
)

// secrets are all keys that the phonebook holds now, by what they are.
func secrets(p *person) map[string][][]byte {
	return map[string][][]byte{
		"own chain key":          p.core.Blobs("SELECT chain FROM sending"),
		"chain key of another":   p.core.Blobs("SELECT chain FROM chains"),
		"prekey seed":            p.core.Blobs("SELECT seed FROM prekeys"),
		"secret of an invite":    p.core.Blobs("SELECT secret FROM invites WHERE secret IS NOT NULL"),
		"join key":               p.core.Blobs(`SELECT "join" FROM invites WHERE "join" IS NOT NULL`),
		"invite prekey":          p.core.Blobs("SELECT prekey FROM invites WHERE prekey IS NOT NULL"),
		"secret of a redeeming":  p.core.Blobs("SELECT secret FROM redeemed WHERE secret IS NOT NULL"),
		"secret of an account":   p.core.Blobs("SELECT secret FROM hubs WHERE secret IS NOT NULL"),
		"skipped message key":    p.core.Blobs("SELECT message FROM skipped"),
		"member key of somebody": p.core.Blobs("SELECT member FROM channels"),
	}
}

// inFiles says which of the phonebook's files contain some bytes.
func inFiles(t *testing.T, p *person, secret []byte) (where []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(p.dir), "*", "phonebook.db*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if filepath.Dir(f) != p.dir {
			continue
		}
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, secret) {
			where = append(where, filepath.Base(f))
		}
	}
	return where
}

// TestDeletedKeysAreGone greps the raw files for every key that was ever there
// and is deleted.
func TestDeletedKeysAreGone(t *testing.T) {
	w := begin(t)
	alice, bob := w.person("alice"), w.person("bob")
	once := map[*person]map[string]string{alice: {}, bob: {}}
	note := func() {
		for p, seen := range once {
			for what, keys := range secrets(p) {
				for _, k := range keys {
					seen[string(k)] = what
				}
			}
		}
	}
	pass := func(d time.Duration) {
		for end := w.now.Add(d); w.now.Before(end); {
			w.run(10 * time.Millisecond)
			note()
		}
	}
	alice.step(channels.UseHub{Hub: w.hub("attic").address(), Secret: w.hub("attic").secret})
	pass(200 * time.Millisecond)
	alice.do(channels.Join{Channel: "#bob"})
	alice.do(channels.Invite{Channel: "#bob"})
	pass(200 * time.Millisecond)
	key, _ := last[channels.Invited](alice)
	bob.do(channels.Redeem{Channel: "#alice", Key: key.Key})
	pass(500 * time.Millisecond)
	for range 3 {
		alice.says("#bob", "hello")
		bob.says("#alice", "hello")
		pass(200 * time.Millisecond)
	}
	w.run(90 * time.Second)
	alice.says("#bob", "new keys")
	pass(200 * time.Millisecond)
	bob.says("#alice", "new keys")
	pass(200 * time.Millisecond)
	w.run(45 * time.Second) // nothing is deleted in these, so the log is truncated by now

	for p, seen := range once {
		now := map[string]bool{}
		for _, keys := range secrets(p) {
			for _, k := range keys {
				now[string(k)] = true
			}
		}
		deleted, kept := 0, 0
		for k, what := range seen {
			where := inFiles(t, p, []byte(k))
			switch {
			case now[k] && len(where) == 0:
				t.Errorf("%s: the grep does not find a %s that is there", p.name, what)
			case now[k]:
				kept++
			case len(where) > 0:
				t.Errorf("%s: a deleted %s is still in %q", p.name, what, where)
			default:
				deleted++
			}
		}
		if deleted < 8 || kept < 3 {
			t.Errorf("%s: only %d keys were deleted, %d are kept", p.name, deleted, kept)
		}
	}
	if n := alice.core.Number("SELECT count(*) FROM invites WHERE prekey IS NOT NULL OR \"join\" IS NOT NULL OR refresh IS NOT NULL OR card IS NOT NULL"); n != 0 {
		t.Errorf("alice keeps the secrets of %d used invites", n)
	}
}

// keyEnvelopes counts the sender keys that somebody has started.
func keyEnvelopes(p *person) int64 {
	return p.core.Number("SELECT count(DISTINCT key) FROM entries WHERE state = 'own' AND boxes > 0")
}

func TestSenderKeysAreReplaced(t *testing.T) {
	long(t)
	w := begin(t)
	w.hold = time.Hour
	alice, bob := w.two()
	say := func(p *person, channel, text string) {
		t.Helper()
		p.says(channel, text)
		w.run(time.Second)
	}
	say(alice, "#bob", "0")
	at := keyEnvelopes(alice)
	expect := func(more int64, why string) {
		t.Helper()
		if got := keyEnvelopes(alice); got != at+more {
			t.Errorf("%s: alice started %d sender keys, not %d", why, got-at, more)
		}
		at = keyEnvelopes(alice)
	}
	say(alice, "#bob", "1")
	expect(0, "a second text")
	for range 220 {
		alice.says("#bob", "many")
	}
	w.run(5 * time.Second)
	expect(1, "220 texts")
	alice.restart()
	say(alice, "#bob", "2")
	expect(1, "a restart")

	say(bob, "#alice", "3") // with the sender key of a member, no longer a joiner's, and a new prekey
	say(alice, "#bob", "4")
	expect(0, "bob's new prekey, within a minute")
	w.run(2 * time.Minute)
	say(alice, "#bob", "5")
	expect(1, "bob's new prekey, two minutes later")
	w.run(2 * time.Minute)
	say(alice, "#bob", "6")
	expect(0, "two minutes in which bob showed none")
	say(bob, "#alice", "7") // answers alice's with a new one
	say(alice, "#bob", "8")
	expect(1, "bob's answer")

	w.run(25 * time.Hour)
	say(alice, "#bob", "9")
	expect(1, "a day")
	if got := len(bob.lines("#alice")); got != 230 {
		t.Errorf("bob has %d texts", got)
	}
}

// TestAReaderReplacesItsPrekey: who only reads replaces a prekey that is a day
// old, and deletes the old one when the other knows.
func TestAReaderReplacesItsPrekey(t *testing.T) {
	long(t)
	w := begin(t)
	w.hold = time.Hour
	alice, bob := w.two()
	oldest := func(p *person) int64 { return p.core.Number("SELECT min(number) FROM prekeys") }
	newest := func(p *person) int64 { return p.core.Number("SELECT max(number) FROM prekeys") }
	alice.says("#bob", "read this")
	w.run(time.Minute)
	before := newest(bob)
	for range 4 {
		alice.says("#bob", "and this")
		w.run(20 * time.Hour)
	}
	if newest(bob) <= before {
		t.Errorf("bob still has prekey %d", before)
	}
	if oldest(bob) <= before || oldest(bob) < newest(bob)-1 {
		t.Errorf("bob keeps prekeys %d to %d", oldest(bob), newest(bob))
	}
	quiet := newest(bob)
	steps := bob.core.Number("SELECT max(seq) FROM channels")
	w.run(10 * 24 * time.Hour)
	if newest(bob) > quiet+1 || bob.core.Number("SELECT max(seq) FROM channels") > steps+4 {
		t.Errorf("nobody says anything, and bob goes on replacing prekeys: %d, %d envelopes", newest(bob)-quiet, bob.core.Number("SELECT max(seq) FROM channels")-steps)
	}
	_ = alice
}

package channels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

// TestAwayForSixtyDays: carol's gateway is off for 60 days. Meanwhile hundreds of
// texts are said, others come, one is put out, and one of the two hubs is replaced.
// She comes back with a prekey of then, reads all of it, and is heard.
func TestAwayForSixtyDays(t *testing.T) {
	long(t)
	w := begin(t)
	w.hold = 12 * time.Hour
	day := 24 * time.Hour
	attic, cellar, loft := w.hub("attic"), w.hub("cellar"), w.hub("loft")
	alice, bob := w.person("alice"), w.person("bob")
	alice.owns(attic, false)
	bob.owns(cellar, false)
	alice.do(channels.Join{Channel: "#c"})
	bob.redeems("#c", alice.invites("#c"))
	w.run(time.Minute)
	carol, dave := w.comes("carol", alice.invites("#c")), w.comes("dave", bob.invites("#c"))
	w.run(time.Minute)
	here := []*person{alice, bob, dave}
	texts := 0
	talk := func(days int) {
		for range days / 4 {
			for _, p := range here {
				for range 8 {
					texts++
					p.says("#c", fmt.Sprintf("%s's text %d", p.name, texts))
				}
				w.run(time.Minute)
			}
			w.run(4*day - time.Duration(len(here))*time.Minute)
		}
	}
	carol.says("#c", "I am off")
	talk(4)
	carol.stop()

	talk(8)
	erin := w.comes("erin", bob.invites("#c"))
	here = append(here, erin)
	talk(8)
	alice.do(channels.Remove{Channel: "#c", Nick: "dave"})
	here = []*person{alice, bob, erin}
	talk(8)
	frank := w.comes("frank", alice.invites("#c"))
	here = append(here, frank)
	talk(8)
	attic.fall() // for good
	w.run(time.Hour)
	alice.owns(loft, false)
	w.run(time.Hour)
	alice.do(channels.DropHub{Ref: 3, Channel: "#c", Hub: attic.address().Fingerprint})
	w.run(time.Hour)
	if v, _ := alice.core.Channel("#c"); len(v.Hubs) != 2 {
		t.Fatalf("alice keeps #c on %+v", v.Hubs)
	}
	talk(8)
	grace := w.comes("grace", alice.invites("#c"))
	here = append(here, grace)
	talk(16)

	before := len(carol.events)
	carol.start()
	start := w.now
	w.run(30 * time.Minute)
	if got := carol.nicks("#c"); len(got) != 6 || slices.Contains(got, "dave") {
		t.Errorf("carol sees %q", got)
	}
	check := func() (missing []string) {
		got := carol.lines("#c")
		for _, line := range alice.lines("#c") {
			if !slices.Contains(got, line) {
				missing = append(missing, line)
			}
		}
		return missing
	}
	for w.now.Sub(start) < 4*day && len(check()) > 0 {
		w.run(time.Hour)
	}
	t.Logf("%d texts were said; after %v carol lacks %d", texts, w.now.Sub(start), len(check()))
	if missing := check(); len(missing) > 0 {
		t.Errorf("carol lacks %d of %d texts: %q …", len(missing), texts, missing[:min(len(missing), 8)])
	}
	for _, e := range carol.events[before:] {
		if l, ok := e.(channels.Line); ok && l.Kind == channels.Info {
			t.Logf("carol was told: %s", l.Text)
			if strings.Contains(l.Text, "lost") {
				t.Errorf("carol was told %q", l.Text)
			}
		}
	}
	carol.says("#c", "I am back")
	for _, p := range here {
		p.says("#c", "welcome back from "+p.name)
	}
	w.run(time.Minute)
	for _, p := range here {
		if got := p.lines("#c"); !slices.Contains(got, "carol: I am back") {
			t.Errorf("%s does not hear carol", p.name)
		}
		if got := carol.lines("#c"); !slices.Contains(got, p.name+": welcome back from "+p.name) {
			t.Errorf("carol does not hear %s", p.name)
		}
	}
	if got := dave.lines("#c"); slices.Contains(got, "carol: I am back") {
		t.Error("dave reads on")
	}
}

// TestGoneBeforeOneIsBack: who comes and leaves again while another is away is heard
// by him all the same. The newcomer knows but the prekey in her joining, which she
// has deleted; the newest was handed on to him.
func TestGoneBeforeOneIsBack(t *testing.T) {
	long(t)
	w := begin(t)
	w.hold = 12 * time.Hour
	day := 24 * time.Hour
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#c"})
	cat, dave := w.comes("cat", alice.invites("#c")), w.comes("dave", alice.invites("#c"))
	for _, p := range []*person{cat, alice, dave, cat} {
		p.says("#c", "hello from "+p.name)
		w.run(2 * day)
	}
	w.run(8 * day)
	if n := cat.core.Number("SELECT min(number) FROM prekeys"); n == 0 {
		t.Fatal("cat has the prekey of her joining still: this tests nothing")
	}
	// Somebody has gone by then: so the newcomer does not rely on the invite prekey.
	key := alice.invites("#c")
	w.run(time.Minute)
	dave.do(channels.Leave{Channel: "#c"})
	w.run(time.Minute)
	cat.stop()
	ben := w.comes("ben", key)
	w.run(time.Minute)
	ben.says("#c", "is cat here?")
	w.run(2 * day)
	ben.says("#c", "then I leave a word for her")
	w.run(day)
	ben.do(channels.Leave{Channel: "#c"})
	w.run(time.Minute)
	ben.stop()
	alice.stop()
	w.run(2 * day)
	cat.start()
	w.run(10 * time.Minute)
	if got := cat.lines("#c"); !slices.Contains(got, "ben: is cat here?") || !slices.Contains(got, "ben: then I leave a word for her") {
		t.Errorf("cat saw %q", got)
	}
}

// TestAJoinReadTooLate: a key is used a day after its maker has gone, and he comes
// back when the key has long expired. He knew of it, and lets the joiner in.
func TestAJoinReadTooLate(t *testing.T) {
	w := begin(t)
	w.hold = 12 * time.Hour
	alice := w.person("alice")
	alice.owns(w.hub("attic"), false)
	alice.do(channels.Join{Channel: "#c"})
	key := alice.invites("#c")
	w.run(time.Minute)
	alice.stop()
	w.run(24 * time.Hour)
	bob := w.comes("bob", key)
	bob.says("#c", "are you there?")
	w.run(20 * 24 * time.Hour)
	alice.start()
	w.run(10 * time.Minute)
	bob.isIn("#c", 2)
	alice.saw("#c", "bob: are you there?")
	alice.says("#c", "I am now")
	w.run(time.Minute)
	bob.saw("#c", "bob: are you there?", "alice: I am now")
	w.run(25 * time.Hour)
	if n := alice.core.Number(`SELECT count(*) FROM invites WHERE "join" IS NOT NULL OR prekey IS NOT NULL`); n != 0 {
		t.Errorf("alice keeps the secrets of %d invites", n)
	}
}

package channels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

// quoted are the lines that were shared with somebody in a channel, as
// "sharer [nick]: text", from a client that was never there.
func (p *person) quoted(channel string) []string {
	p.w.t.Helper()
	all, err := p.core.Backlog("somebody who was never here")
	if err != nil {
		p.w.t.Fatal(err)
	}
	return quotes(all, channel)
}

func quotes(all []channels.Line, channel string) (quoted []string) {
	for _, l := range all {
		if l.Channel == channel && l.Quoted != "" {
			quoted = append(quoted, fmt.Sprintf("%s [%s]: %s", l.From, l.Quoted, l.Text))
		}
	}
	return quoted
}

// shownQuotes are those that were told by events.
func (p *person) shownQuotes(channel string) []string {
	var all []channels.Line
	for _, e := range p.events {
		if l, ok := e.(channels.Line); ok {
			all = append(all, l)
		}
	}
	return quotes(all, channel)
}

// failed demands that an input fails with a code, and gives what the user is told.
func (p *person) failed(in channels.Input, code channels.Code) string {
	p.w.t.Helper()
	before := len(p.events)
	p.do(in)
	for _, e := range p.events[before:] {
		if f, ok := e.(channels.Failed); ok {
			if f.Code != code {
				p.w.t.Errorf("%s: %+v failed with %q, not %q", p.name, in, f.Code, code)
			}
			return f.Text
		}
	}
	p.w.t.Errorf("%s: %+v did not fail: %v", p.name, in, p.events[before:])
	return ""
}

// newcomer are alice, bob and carol in one channel, carol a newcomer whom alice let
// in after the others had talked.
func (w *world) newcomer() (alice, bob, carol *person) {
	w.t.Helper()
	alice, bob = w.two()
	alice.says("#bob", "one")
	w.run(time.Second)
	bob.do(channels.Send{Channel: "#alice", Kind: channels.Action, Text: "waves"})
	w.run(time.Second)
	alice.do(channels.Send{Channel: "#bob", Kind: channels.Notice, Text: "two\nlines"})
	w.run(time.Second)
	carol = w.person("carol")
	carol.redeems("#alice", alice.invites("#bob"))
	w.run(5 * time.Second)
	return alice, bob, carol
}

func TestShareWithANewcomer(t *testing.T) {
	long(t)
	w := begin(t)
	alice, bob, carol := w.newcomer()
	if got := carol.history("#alice"); len(got) != 0 {
		t.Fatalf("carol has from before she came: %q", got)
	}
	begun := w.now
	bob.do(channels.Share{Ref: 5, Channel: "#Alice", Nick: "CAROL", Count: 100})
	if d, ok := last[channels.Done](bob); !ok || d.Ref != 5 || d.Text != "the last 3 messages of #alice shared with carol alone" {
		t.Errorf("bob was told %+v", d)
	}
	w.run(15 * time.Second)
	want := []string{"bob [alice]: one", "bob [bob]: waves", "bob [alice]: two\nlines"}
	if got := carol.shownQuotes("#alice"); !slices.Equal(got, want) {
		t.Fatalf("carol was shown %q", got)
	}
	var kinds []channels.LineKind
	for _, e := range carol.events {
		if l, ok := e.(channels.Line); ok && l.Quoted != "" {
			kinds = append(kinds, l.Kind)
			if l.Own || l.Said.IsZero() || !l.Said.Before(begun) || l.Time.Before(begun) || l.From != "bob" {
				t.Errorf("carol was shown %+v", l)
			}
		}
	}
	if !slices.Equal(kinds, []channels.LineKind{channels.Text, channels.Action, channels.Notice}) {
		t.Errorf("kinds %v", kinds)
	}
	before := len(alice.events)
	w.run(2 * time.Hour)
	carol.restart()
	w.run(time.Minute)
	if got := carol.quoted("#alice"); !slices.Equal(got, want) {
		t.Errorf("carol has in her history %q", got)
	}
	for _, e := range alice.events[before:] {
		t.Errorf("alice was told %+v", e)
	}
	// It counts for receipts like anything else.
	if n := bob.core.Number("SELECT min(delivered) FROM peers"); n != bob.core.Number("SELECT seq FROM channels") && n+1 < bob.core.Number("SELECT max(seq) FROM entries WHERE state = 'own' AND class = 'text'") {
		t.Errorf("bob knows that %d of his envelopes have come", n)
	}
	// Hearsay is not passed on: what she has of bob she has not heard.
	if text := carol.failed(channels.Share{Channel: "#alice", Nick: "alice", Count: 10}, channels.CodeNotPossible); !strings.Contains(text, "nothing was said") {
		t.Errorf("carol was told %q", text)
	}
	carol.says("#alice", "thanks")
	w.run(time.Second)
	carol.do(channels.Share{Channel: "#alice", Nick: "alice", Count: 10})
	w.run(15 * time.Second)
	if got := alice.quoted("#bob"); !slices.Equal(got, []string{"carol [carol]: thanks"}) {
		t.Errorf("alice has %q", got)
	}
}

func TestWhatIsSharedIsBounded(t *testing.T) {
	w := begin(t)
	alice, _, carol := w.newcomer()
	for _, count := range []int{0, -1, channels.MaxShare + 1} {
		alice.failed(channels.Share{Channel: "#bob", Nick: "carol", Count: count}, channels.CodeNotPossible)
	}
	alice.failed(channels.Share{Channel: "#nowhere", Nick: "carol", Count: 1}, channels.CodeUnknownChannel)
	alice.failed(channels.Share{Channel: "#bob", Nick: "dave", Count: 1}, channels.CodeNoMember)
	alice.failed(channels.Share{Channel: "#bob", Nick: "alice", Count: 1}, channels.CodeNotPossible)
	alice.do(channels.Share{Channel: "#bob", Nick: "carol", Count: 2})
	w.run(15 * time.Second)
	if got := carol.quoted("#alice"); !slices.Equal(got, []string{"alice [bob]: waves", "alice [alice]: two\nlines"}) {
		t.Errorf("carol has %q", got)
	}
	if n := carol.core.Number("SELECT count(*) FROM held"); n != 0 {
		t.Errorf("carol still holds %d", n)
	}
}

// Five hundred lines, and the longest that there are, come in order and once,
// through a hub that is away meanwhile.
func TestShareMuch(t *testing.T) {
	long(t)
	w := begin(t)
	alice, _, carol := w.newcomer()
	var want []string
	for i := range 500 {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", i%7*100))
		if i == 250 || i == 499 {
			text = strings.Repeat("é", channels.MaxText/2)
		}
		alice.says("#bob", text)
		want = append(want, "alice [alice]: "+text)
		if i%50 == 0 {
			w.run(5 * time.Second)
		}
	}
	w.run(time.Minute)
	if n := len(carol.history("#alice")); n != 50 { // of Backlog
		t.Fatalf("carol has %d lines", n)
	}
	w.hub("attic").fall()
	alice.do(channels.Share{Channel: "#bob", Nick: "carol", Count: channels.MaxShare})
	w.run(time.Minute)
	alice.restart()
	w.hub("attic").rise()
	w.run(5 * time.Minute)
	if got := carol.shownQuotes("#alice"); !slices.Equal(got, want) {
		t.Fatalf("carol was shown %d lines of %d", len(got), len(want))
	}
	for _, e := range carol.core.Blobs("SELECT bytes FROM entries WHERE bytes IS NOT NULL") {
		if len(e) > 64<<10 {
			t.Errorf("an entry of %d bytes", len(e))
		}
	}
}

// What is sealed is sealed to who is a member then, and to his prekey then.
func TestNothingIsSharedWithWhoIsGone(t *testing.T) {
	w := begin(t)
	alice, bob, carol := w.newcomer()
	w.hub("attic").fall()
	w.run(time.Second)
	bob.do(channels.Share{Channel: "#alice", Nick: "carol", Count: 3})
	bob.do(channels.Share{Channel: "#alice", Nick: "carol", Count: 2})
	bob.do(channels.Share{Channel: "#alice", Nick: "alice", Count: 1})
	bob.stop()
	w.hub("attic").rise()
	w.run(2 * time.Minute)
	alice.do(channels.Remove{Channel: "#bob", Nick: "carol"})
	w.run(time.Minute)
	if got := alice.nicks("#bob"); !slices.Equal(got, []string{"alice", "bob"}) {
		t.Skipf("removing is not built: %v", got)
	}
	bob.start()
	w.run(2 * time.Minute)
	if got := carol.quoted("#alice"); got != nil {
		t.Errorf("carol has %q", got)
	}
	told := slices.DeleteFunc(bob.infos("#alice"), func(s string) bool { return !strings.Contains(s, "what you shared was not sent") })
	if len(told) != 1 || !strings.HasPrefix(told[0], "carol ") {
		t.Errorf("bob was told %q", bob.infos("#alice"))
	}
	if got := alice.quoted("#bob"); !slices.Equal(got, []string{"bob [alice]: two\nlines"}) {
		t.Errorf("alice has %q", got)
	}
	if n := bob.core.Number("SELECT count(*) FROM outbox"); n != 0 {
		t.Errorf("%d things are left in bob's outbox", n)
	}
}

// What is shared in an envelope whose sender key is lost comes again, as it was
// signed, and is shown once.
func TestWhatIsSharedComesAgain(t *testing.T) {
	w := begin(t)
	alice, _, carol := w.newcomer()
	w.run(time.Minute)
	carol.core.Tamper("DELETE FROM chains WHERE sender = ?", carol.idOf("#alice", "alice"))
	carol.restart()
	alice.do(channels.Share{Channel: "#bob", Nick: "carol", Count: 3})
	w.run(3 * time.Second)
	alice.says("#bob", "behind it")
	w.run(time.Second)
	if got := carol.shownQuotes("#alice"); got != nil {
		t.Fatalf("carol was shown %q", got)
	}
	w.run(5 * time.Minute)
	want := []string{"alice [alice]: one", "alice [bob]: waves", "alice [alice]: two\nlines"}
	if got := carol.shownQuotes("#alice"); !slices.Equal(got, want) {
		t.Fatalf("carol was shown %q", got)
	}
	carol.core.Tamper("UPDATE places SET position = 0, entry = x''")
	carol.restart()
	w.run(time.Minute)
	if got := carol.quoted("#alice"); !slices.Equal(got, want) {
		t.Errorf("carol has %q", got)
	}
	if got := carol.history("#alice"); !slices.Equal(got[3:], []string{"alice: behind it"}) {
		t.Errorf("carol has %q", got)
	}
}

// Who has lost a sender key is sent again what was sealed under it: what was said
// before somebody came is for him alone, and is not for who came.
func TestWhatComesAgainIsNotForNewcomers(t *testing.T) {
	w := begin(t)
	alice, bob := w.two()
	key := alice.invites("#bob")
	w.run(2 * time.Minute)
	alice.says("#bob", "zero")
	w.run(5 * time.Second)
	bob.core.Tamper("DELETE FROM chains WHERE sender = ?", bob.idOf("#alice", "alice"))
	alice.says("#bob", "before")
	w.run(5 * time.Second)
	carol := w.person("carol")
	carol.redeems("#alice", key)
	w.run(5 * time.Second)
	alice.says("#bob", "after")
	w.run(5 * time.Second)
	alice.restart() // takes a new sender key, by which bob sees that something is missing
	alice.says("#bob", "now")
	w.run(10 * time.Minute)
	if got := bob.history("#alice"); !slices.Equal(got, []string{"alice: zero", "alice: before", "alice: after", "alice: now"}) {
		t.Errorf("bob has %q", got)
	}
	if got := carol.history("#alice"); !slices.Equal(got, []string{"alice: after", "alice: now"}) {
		t.Errorf("carol has %q", got)
	}
}

// idOf is another's id, by his nick.
func (p *person) idOf(channel, nick string) []byte {
	p.w.t.Helper()
	v, _ := p.core.Channel(channel)
	for _, m := range v.Members {
		if m.Nick == nick {
			return m.ID[:]
		}
	}
	p.w.t.Fatalf("%s knows no %s", p.name, nick)
	return nil
}

// TestWhoSharesDies has both gateways die once, after each of their steps.
func TestWhoSharesDies(t *testing.T) {
	afterEachStep(t, 12, func(t *testing.T, w *world, dies func()) {
		alice, _, carol := w.newcomer()
		dies()
		alice.do(channels.Share{Ref: 5, Channel: "#bob", Nick: "carol", Count: 3})
		w.run(5 * time.Minute)
		want := []string{"alice [alice]: one", "alice [bob]: waves", "alice [alice]: two\nlines"}
		if got := carol.quoted("#alice"); !slices.Equal(got, want) {
			t.Errorf("carol has %q", got)
		}
	})
}

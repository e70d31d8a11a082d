package channels_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/roster"
	"hubbub/channels/wire"
)

// A member who names hubs without end is told of once a day if they are at private
// addresses, and not at all if nobody has ever heard of them.
func TestNamedHubsAreNoFlood(t *testing.T) {
	w := begin(t)
	_, bob, m := w.withMallory()
	before := len(bob.news())
	names := func(host string, n int) []string {
		for i := range n {
			m.operates(roster.HubAdd{URL: fmt.Sprintf("http://%s/%d/%d", host, w.now.Unix(), i), Key: roster.HubFingerprint{byte(len(host))}}, nil)
		}
		w.run(3 * time.Minute)
		return bob.news()[before:]
	}
	if got := names("dead.example", 2); len(got) != 0 || len(bob.hubsOf("#alice")) != 2 {
		t.Errorf("of a hub that never was bob was told %q", got)
	}
	if got := names("10.0.0.1", 3); len(got) != 1 || !strings.Contains(got[0], "mallory keeps #alice on http://10.0.0.1/") {
		t.Fatalf("bob was told %q", got)
	}
	bob.restart()
	if got := names("10.0.0.1", 1); len(got) != 1 {
		t.Errorf("after a restart bob was told %q", got)
	}
	bob.core.Tamper("UPDATE private_told SET at = at - ?", int64(25*time.Hour))
	if got := names("10.0.0.1", 1); len(got) != 2 {
		t.Errorf("the next day bob was told %q", got)
	}
}

// Of a hub's many URLs the newest are kept, and tried first.
func TestTheNewestURLsAreKept(t *testing.T) {
	long(t)
	w := begin(t)
	_, bob, m := w.withMallory()
	attic := roster.HubFingerprint(w.hub("attic").address().Fingerprint)
	url := func(i int) string { return fmt.Sprintf("http://x%d.example/", 99-i) } // not as they sort
	for i := range 40 {
		m.operates(roster.HubAdd{URL: url(i), Key: attic}, nil)
		w.run(time.Second)
	}
	bob.says("#alice", "hello")
	others := bob.made[len(bob.made)-1].Others
	if n := bob.core.Number("SELECT count(*) FROM locations"); n != 16 || len(others) < 15 || others[0].URL != url(39) || others[14].URL != url(25) {
		t.Errorf("of %d URLs bob tries %v", n, others)
	}
}

// A hub that knows a channel and does not, by turns, is told of once an hour, and
// does not speak as the gateway.
func TestAStandingThatComesAndGoes(t *testing.T) {
	long(t)
	w := begin(t)
	_, bob := w.two()
	w.run(time.Minute)
	before := len(bob.news())
	codes := []wire.Code{wire.CodeUnknown, "", wire.CodeRevoked, ""}
	turn := 0
	refuse := func(code wire.Code) {
		w.tweak = func(p *person, r channels.Request, a *channels.Answered) {
			for i, c := range r.Calls {
				if p != bob || c.Op != wire.OpFetch || a.Failure != nil || r.Wait > 0 {
					continue
				}
				code := code
				if code == "" {
					code = codes[turn%len(codes)]
					turn++
				}
				if code != "" {
					a.Results[i] = wire.Result{Error: &wire.Error{Code: code, Text: "gone\" (x). Type: /msg sysop hub moved OLD NEW"}}
				}
			}
		}
	}
	refuse("")
	// Each is read again as soon as it is let in: without the hold it were told each time.
	for range 20 {
		bob.restart()
		w.run(2 * time.Minute)
		bob.core.Tamper("UPDATE places SET retry = 0")
	}
	if got := bob.news()[before:]; len(got) != 2 || turn < 10 {
		t.Errorf("in %d turns bob was told %q", turn, got)
	}
	for _, text := range bob.news()[before:] {
		if strings.Contains(text, "Type:") && !strings.Contains(text, `it says "gone' (x). Type: /msg sysop hub moved OLD NEW" (revoked)`) {
			t.Errorf("a hub's words are told as %q", text)
		}
	}
	// What lasts is told when the hour is over.
	w.run(2 * time.Hour)
	before = len(bob.news())
	refuse(wire.CodeRevoked)
	bob.restart()
	w.run(2 * time.Hour)
	if got := bob.news()[before:]; len(got) != 1 || !strings.Contains(got[0], "lets you into #alice no more") {
		t.Errorf("then bob was told %q", got)
	}
}

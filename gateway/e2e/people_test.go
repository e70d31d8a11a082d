//go:build linux

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// person is somebody in a conversation of several: a gateway, and a scripted
// client that is attached to it all the time and writes down what is said. A
// terminal may be attached beside it.
type person struct {
	t       testing.TB
	nick    string
	channel string // what the conversation is called here
	g       *gateway
	ears    []*talker // the scribe's connections, one after the other

	mu   sync.Mutex
	said map[string]time.Time // what this person typed, anywhere, and when
}

// newPerson starts a gateway and attaches the scribe.
func newPerson(t testing.TB, nick, channel string, options ...option) *person {
	t.Helper()
	p := &person{t: t, nick: nick, channel: channel, g: startGateway(t, nick, options...), said: map[string]time.Time{}}
	p.Attach()
	return p
}

// Attach attaches the scribe, again if the gateway was restarted.
func (p *person) Attach() *talker {
	p.t.Helper()
	k := p.g.Client(p.nick+"@scribe", "server-time", "echo-message")
	p.ears = append(p.ears, k)
	return k
}

// Restart kills the gateway, does something, and starts it again.
func (p *person) Restart(meanwhile func()) {
	p.t.Helper()
	p.Settled()
	p.g.Kill()
	meanwhile()
	p.g.Start()
	p.Attach()
}

// Settled waits until the gateway knows of all lines that the scribe has got
// them: they do not come again.
func (p *person) Settled() {
	p.t.Helper()
	k := p.scribe()
	k.Sync()
	await(p.t, "all lines to be delivered to "+p.nick, func() bool {
		rest := k.Lines()[k.Delivered():]
		return !slices.ContainsFunc(rest, func(l line) bool { return l.Command == "PRIVMSG" && l.Source != "sysop" })
	}, k.Said)
}

func (p *person) scribe() *talker { return p.ears[len(p.ears)-1] }

// Say says something by the scribe.
func (p *person) Say(text string) {
	p.Typed(text)
	p.scribe().Say(p.channel, text)
}

// Type says something in a terminal whose window is the channel's.
func (p *person) Type(s *terminal, text string) {
	p.t.Helper()
	p.Typed(text)
	s.Line(text)
}

// Typed notes what is said in another way.
func (p *person) Typed(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, twice := p.said[text]; twice {
		p.t.Errorf("the test has %s say %q twice", p.nick, text)
	}
	p.said[text] = time.Now()
}

// Heard is what the scribe saw of somebody in the channel, in order.
func (p *person) Heard(nick string) (all []line) {
	for _, k := range p.ears {
		for _, l := range k.Lines() {
			if l.Command == "PRIVMSG" && l.Source == nick && strings.EqualFold(l.Params[0], p.channel) {
				all = append(all, l)
			}
		}
	}
	return all
}

// heardText tells whether a text of somebody has come.
func (p *person) heardText(nick, text string) bool {
	return slices.ContainsFunc(p.Heard(nick), func(l line) bool { return l.text() == text })
}

// Status is what sysop says of the channel.
func (p *person) Status() string {
	p.t.Helper()
	return strings.Join(p.scribe().Sysop("status "+p.channel), "\n")
}

// HubLines are what the channel's status says of a hub; "" if nothing.
func (p *person) HubLines(url string) string {
	p.t.Helper()
	return hubLines(p.scribe().Sysop("status "+p.channel), url)
}

// hubLines are the line that names a hub and those that belong to it, which are
// further to the right.
func hubLines(status []string, url string) string {
	for i, l := range status {
		if !strings.HasPrefix(strings.TrimSpace(l), "hub "+url) {
			continue
		}
		end := i + 1
		for end < len(status) && strings.HasPrefix(status[end], "    ") {
			end++
		}
		return strings.Join(status[i:end], "\n")
	}
	return ""
}

// hubIs tells whether a status says of a hub what a pattern names.
func hubIs(status []string, url, pattern string) bool {
	return regexp.MustCompile(pattern).MatchString(hubLines(status, url))
}

// Sees waits until the channel's status says of a hub what a pattern names. Who has just
// joined may hear of a hub that was added meanwhile by the receipts alone that the
// others send a minute later, and asks for what they show then.
func (p *person) Sees(url, pattern string) {
	p.t.Helper()
	awaitFor(p.t, 3*patience, fmt.Sprintf("%s's status to say %q of %s", p.nick, pattern, url), func() bool {
		time.Sleep(100 * time.Millisecond)
		return hubIs(p.scribe().Sysop("status "+p.channel), url, pattern)
	}, func() string { return p.Status() + "\n" + p.scribe().Said() })
}

// SeesNot waits until a hub is not in the channel's status any more.
func (p *person) SeesNot(url string) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("%s's status not to name %s", p.nick, url), func() bool {
		time.Sleep(100 * time.Millisecond)
		return p.HubLines(url) == ""
	}, p.Status)
}

// Told waits until sysop, or the channel, has told this person something.
func (p *person) Told(pattern string) line {
	p.t.Helper()
	as := regexp.MustCompile(pattern)
	var found line
	await(p.t, fmt.Sprintf("%s to be told %q", p.nick, pattern), func() bool {
		found = line{}
		for _, l := range p.Notices() {
			if as.MatchString(l.last()) {
				found = l
				return true
			}
		}
		return false
	}, func() string { return p.scribe().Said() })
	return found
}

// TimesTold counts the news of a pattern: what was told unasked.
func (p *person) TimesTold(pattern string) int {
	as, n := regexp.MustCompile(pattern), 0
	for _, l := range p.Notices() {
		if l.Command == "NOTICE" && as.MatchString(l.last()) {
			n++
		}
	}
	return n
}

// Notices are hubbub's own words.
func (p *person) Notices() (all []line) {
	for _, k := range p.ears {
		for _, l := range k.Lines() {
			if l.Command == "NOTICE" && len(l.Params) == 2 || strings.EqualFold(l.Source, "sysop") && l.Command == "PRIVMSG" {
				all = append(all, l)
			}
		}
	}
	return all
}

// In waits until this person knows all of those to be in the channel.
func (p *person) In(all ...*person) {
	p.t.Helper()
	await(p.t, "all to be in "+p.channel+", for "+p.nick, func() bool {
		return len(p.scribe().members(p.channel)) == len(all) && !strings.Contains(p.Status(), "can't be read")
	}, p.Status)
}

// joins lets somebody in whom another invites, and gives them a moment to know
// each other.
func (p *person) joins(by *person, options ...option) {
	p.t.Helper()
	p.scribe().Redeem(by.scribe().Invite(by.channel, p.nick))
}

// agreed waits until everybody has heard everything, and checks that all of it
// came once, and in its sender's order.
func agreed(t testing.TB, people ...*person) {
	t.Helper()
	for _, speaker := range people {
		for _, listener := range people {
			await(t, fmt.Sprintf("%s to hear all that %s said", listener.nick, speaker.nick), func() bool {
				return len(missing(speaker, listener)) == 0
			}, func() string {
				return fmt.Sprintf("missing: %q\n%s\nand at %s's:\n%s", missing(speaker, listener), listener.Status()+"\n"+listener.scribe().Said(), speaker.nick, speaker.Status())
			})
		}
	}
	for _, speaker := range people {
		own := texts(speaker.Heard(speaker.nick))
		for _, listener := range people {
			heard := texts(listener.Heard(speaker.nick))
			if len(heard) != len(speaker.said) {
				t.Errorf("%s said %d lines, and %s heard %d: %s", speaker.nick, len(speaker.said), listener.nick, len(heard), repeated(heard))
			} else if !slices.Equal(heard, own) {
				t.Errorf("%s said\n%q\nand %s heard\n%q", speaker.nick, own, listener.nick, heard)
			}
		}
	}
}

// missing is what a listener has not heard yet.
func missing(speaker, listener *person) (all []string) {
	heard := map[string]bool{}
	for _, text := range texts(listener.Heard(speaker.nick)) {
		heard[text] = true
	}
	speaker.mu.Lock()
	defer speaker.mu.Unlock()
	for text := range speaker.said {
		if !heard[text] {
			all = append(all, text)
		}
	}
	slices.Sort(all)
	return all
}

func texts(lines []line) (all []string) {
	for _, l := range lines {
		all = append(all, l.text())
	}
	return all
}

// repeated names what is in a list more than once.
func repeated(all []string) string {
	var twice []string
	seen := map[string]bool{}
	for _, text := range all {
		if seen[text] {
			twice = append(twice, text)
		}
		seen[text] = true
	}
	return fmt.Sprintf("%q came again", twice)
}

// delays are how long a speaker's texts took to each of the others, of texts
// that begin with prefix.
func delays(prefix string, speaker *person, listeners ...*person) (all []time.Duration) {
	for _, listener := range listeners {
		for _, l := range listener.Heard(speaker.nick) {
			if said, ok := speaker.said[l.text()]; ok && strings.HasPrefix(l.text(), prefix) {
				all = append(all, l.At.Sub(said))
			}
		}
	}
	return all
}

// spread is a list of delays in figures.
func spread(all []time.Duration) (p50, p90 time.Duration, text string) {
	if len(all) == 0 {
		return 0, 0, "none"
	}
	all = slices.Sorted(slices.Values(all))
	p50, p90 = all[len(all)/2], all[len(all)*9/10]
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	return p50, p90, fmt.Sprintf("p50 %v, p90 %v, longest %v, of %d", round(p50), round(p90), round(all[len(all)-1]), len(all))
}

// converse has everybody say so many lines, at the same time, and returns when
// all are said.
func converse(word string, lines int, every time.Duration, people ...*person) *sync.WaitGroup {
	var speaking sync.WaitGroup
	for _, p := range people {
		k := p.scribe()
		speaking.Go(func() {
			for n := range lines {
				text := fmt.Sprintf("%s %s %03d", word, p.nick, n)
				p.Typed(text)
				k.Say(p.channel, text)
				time.Sleep(every)
			}
		})
	}
	return &speaking
}

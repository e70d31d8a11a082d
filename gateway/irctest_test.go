package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hubbub/channels"
)

// The tests of the IRC side run a gateway over a scripted core in a bubble of
// testing/synctest: clients are net.Pipe connections, and time passes only
// when nothing else can happen.

// scripted is a core that does what its fields say, and remembers what it was
// given. Only the dispatcher touches it; tests do so through rig.do.
type scripted struct {
	nick    string
	views   []channels.ChannelView
	lines   []channels.Line // the history
	marks   map[string]int64
	inputs  []channels.Input
	answers map[string]channels.Event // to Redeem, by key
	pending []channels.Event          // shown at the next step
	forks   []channels.ForkView
	err     error // what Step fails with
	wake    time.Time
	output  channels.Output // what the next step also returns
}

func (s *scripted) Step(in channels.Input, now time.Time) (channels.Output, error) {
	if s.err != nil {
		return channels.Output{}, s.err
	}
	s.inputs = append(s.inputs, in)
	events := s.pending
	s.pending = nil
	switch in := in.(type) {
	case channels.SetNick:
		if strings.HasPrefix(in.Nick, "bad") {
			events = append(events, channels.Failed{Ref: in.Ref, Code: channels.CodeBadNick, Text: "that nick is not possible"})
			break
		}
		events = append(events, channels.Renamed{Ref: in.Ref, Old: s.nick, New: in.Nick, Own: true})
		s.nick = in.Nick
		for i := range s.views {
			s.views[i].Members[0].Nick = in.Nick
		}
	case channels.Join:
		s.open(in.Channel, now)
		events = append(events, channels.Shown{Ref: in.Ref, Channel: in.Channel})
	case channels.Redeem:
		events = append(events, s.redeem(in, now))
	case channels.Hide:
		s.view(in.Channel).Hidden = true
		events = append(events, channels.Hidden{Ref: in.Ref, Channel: in.Channel})
	case channels.Send:
		if s.view(in.Channel) == nil || strings.Contains(in.Text, "unsendable") {
			events = append(events, channels.Failed{Ref: in.Ref, Channel: in.Channel, Code: channels.CodeBadText, Text: "that text can't be sent"})
			break
		}
		events = append(events, s.line(channels.Line{Channel: in.Channel, From: s.nick, Own: true, Kind: in.Kind, Text: in.Text, Time: now, Ref: in.Ref}))
	case channels.SetTopic:
		v := s.view(in.Channel)
		v.Topic, v.TopicBy, v.TopicTime = in.Text, s.nick, now
		events = append(events, channels.Topic{Ref: in.Ref, Channel: in.Channel, Nick: s.nick, Text: in.Text, Time: now, Own: true})
	case channels.Invite:
		events = append(events, channels.Invited{Ref: in.Ref, Number: 1, Channel: in.Channel, Note: in.Note, Key: "HTTP://HUB.EXAMPLE/#ABCDEFGH", Name: "#" + s.nick, Expires: now.Add(time.Hour)})
	case channels.Delivered:
		s.marks[in.Client] = max(s.marks[in.Client], in.Line)
	}
	out := s.output
	s.output = channels.Output{}
	out.Events, out.Wake = events, s.wake
	return out, nil
}

func (s *scripted) redeem(in channels.Redeem, now time.Time) channels.Event {
	switch ev := s.answers[in.Key].(type) {
	case channels.Failed:
		ev.Ref, ev.Channel = in.Ref, in.Channel
		return ev
	case channels.Shown: // a key that was redeemed before
		ev.Ref = in.Ref
		return ev
	case channels.Done: // a rescue key
		ev.Ref = in.Ref
		return ev
	default:
		s.open(in.Channel, now)
		return channels.Shown{Ref: in.Ref, Channel: in.Channel}
	}
}

// line puts a line into the history.
func (s *scripted) line(l channels.Line) channels.Line {
	l.ID = int64(len(s.lines) + 1)
	s.lines = append(s.lines, l)
	return l
}

func (s *scripted) open(name string, now time.Time) {
	if v := s.view(name); v != nil {
		v.Hidden = false
		return
	}
	s.views = append(s.views, channels.ChannelView{Name: name, Created: now, Members: []channels.MemberView{{Nick: s.nick, Own: true, Founder: true, Since: now}}})
}

func (s *scripted) view(name string) *channels.ChannelView {
	for i := range s.views {
		if same(s.views[i].Name, name) {
			return &s.views[i]
		}
	}
	return nil
}

func (s *scripted) Nick() string                     { return s.nick }
func (s *scripted) Channels() []channels.ChannelView { return s.views }
func (s *scripted) Channel(name string) (channels.ChannelView, bool) {
	if v := s.view(name); v != nil {
		return *v, true
	}
	return channels.ChannelView{}, false
}
func (s *scripted) Backlog(client string) ([]channels.Line, error) {
	var out []channels.Line
	for _, l := range s.lines {
		if v := s.view(l.Channel); l.ID > s.marks[client] && v != nil && !v.Hidden {
			out = append(out, l)
		}
	}
	return out, nil
}
func (s *scripted) Hubs() []channels.HubView                 { return nil }
func (s *scripted) Invites() []channels.InviteView           { return nil }
func (s *scripted) Safety(string) (string, error)            { return "", nil }
func (s *scripted) Seen(string) ([]channels.SeenView, error) { return nil, nil }
func (s *scripted) Forks() ([]channels.ForkView, error)      { return s.forks, nil }

// carried is a carrier that remembers.
type carried struct {
	requests []channels.Request
	canceled []channels.RequestID
}

func (c *carried) Carry(r channels.Request)     { c.requests = append(c.requests, r) }
func (c *carried) Cancel(id channels.RequestID) { c.canceled = append(c.canceled, id) }

// rig is a running gateway under test.
type rig struct {
	*testing.T
	g    *gateway
	core *scripted
}

// ircTest runs a story in a bubble, with a gateway of alice, or of whoever
// comes first if nick is empty.
func ircTest(t *testing.T, s settings, nick string, story func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core := &scripted{nick: nick, marks: map[string]int64{}, answers: map[string]channels.Event{}}
		s.Version = "test"
		g := newGateway(s, core)
		g.carrier = &carried{}
		g.sysop.invites = inviteFiles{t.TempDir()}
		ctx, cancel := context.WithCancel(context.Background())
		go g.run(ctx)
		r := &rig{t, g, core}
		defer func() {
			cancel()
			<-g.done
			time.Sleep(writeTimeout + 2*lingerTime) // for connections to end
		}()
		story(r)
	})
}

// do runs f on the dispatcher and waits for it.
func (r *rig) do(f func()) {
	ran := make(chan struct{})
	r.g.do(func() { f(); close(ran) })
	<-ran
}

// happen has the core bring up events.
func (r *rig) happen(events ...channels.Event) {
	r.do(func() {
		for i, ev := range events {
			if l, ok := ev.(channels.Line); ok {
				events[i] = r.core.line(l)
			}
		}
		r.core.pending = append(r.core.pending, events...)
		r.g.step(channels.Tick{})
	})
}

// channel opens a channel with the user and others in it.
func (r *rig) channel(name string, others ...string) {
	r.do(func() {
		r.core.open(name, time.Now())
		v := r.core.view(name)
		for _, nick := range others {
			v.Members = append(v.Members, channels.MemberView{Nick: nick, Since: time.Now(), Fingerprint: "ABCD EFGH", InvitedBy: v.Members[0].Nick})
		}
		r.core.pending = append(r.core.pending, channels.Shown{Channel: name})
		r.g.step(channels.Tick{})
	})
}

// given are the inputs of one type that the core was given.
func given[T channels.Input](r *rig) (all []T) {
	r.do(func() {
		for _, in := range r.core.inputs {
			if one, ok := in.(T); ok {
				all = append(all, one)
			}
		}
	})
	return all
}

// ircClient is a client as a test holds it.
type ircClient struct {
	r    *rig
	conn net.Conn

	mu     sync.Mutex
	lines  []string
	ended  bool
	noPong bool
}

// dial connects a client that sends nothing yet.
func (r *rig) dial() *ircClient {
	ours, theirs := net.Pipe()
	go r.g.talk(ours)
	c := &ircClient{r: r, conn: theirs}
	go c.read()
	return c
}

// connect registers a client, which drops what the welcome says.
func (r *rig) connect(nick string, caps ...string) *ircClient {
	r.Helper()
	c := r.dial()
	c.register(nick, nick, caps...)
	return c
}

func (c *ircClient) register(nick, user string, caps ...string) []string {
	c.r.Helper()
	if len(caps) > 0 {
		c.send("CAP LS 302", "CAP REQ :"+strings.Join(caps, " "), "CAP END")
	}
	c.send("NICK "+nick, "USER "+user+" 0 * :"+nick+"'s name")
	return c.turn()
}

// read takes lines as they come, and answers markers as clients do.
func (c *ircClient) read() {
	in := bufio.NewReader(c.conn)
	for {
		l, err := in.ReadString('\n')
		c.mu.Lock()
		if err != nil {
			c.ended = true
			c.mu.Unlock()
			return
		}
		l = strings.TrimSuffix(l, "\r\n")
		noPong := c.noPong
		if !strings.Contains(l, "PING "+markerPrefix) {
			c.lines = append(c.lines, l)
		}
		c.mu.Unlock()
		if _, token, ok := strings.Cut(l, "PING "); ok && !noPong {
			c.conn.Write([]byte("PONG " + token + "\r\n"))
		}
	}
}

func (c *ircClient) send(lines ...string) {
	c.r.Helper()
	for _, l := range lines {
		if _, err := c.conn.Write([]byte(l + "\r\n")); err != nil {
			c.r.Errorf("sending %.60q: %v", l, err)
		}
	}
}

// answersPings sets whether PINGs are answered, as they are at first.
func (c *ircClient) answersPings(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noPong = !yes
}

// turn waits until nothing more happens, and returns the lines that have come
// since the last turn.
func (c *ircClient) turn() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.lines
	c.lines = nil
	return got
}

// ask sends lines and returns the answers.
func (c *ircClient) ask(lines ...string) []string {
	c.r.Helper()
	c.turn()
	c.send(lines...)
	return c.turn()
}

// wants asks, and compares the answers to the letter.
func (c *ircClient) wants(asked string, want ...string) {
	c.r.Helper()
	sameLines(c.r, asked, c.ask(asked), want)
}

// hears compares what has come since the last turn.
func (c *ircClient) hears(want ...string) {
	c.r.Helper()
	sameLines(c.r, "(nothing asked)", c.turn(), want)
}

func sameLines(t testing.TB, asked string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%.100s:\n got %s\nwant %s", asked, quoteLines(got), quoteLines(want))
	}
}

func quoteLines(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "\n\t%q", l)
	}
	return b.String()
}

// has asserts that one of the lines contains all the parts.
func has(t testing.TB, lines []string, parts ...string) {
	t.Helper()
	for _, l := range lines {
		all := true
		for _, p := range parts {
			all = all && strings.Contains(l, p)
		}
		if all {
			return
		}
	}
	t.Errorf("no line with %q in %s", parts, quoteLines(lines))
}

// hasNot asserts that no line contains the part.
func hasNot(t testing.TB, lines []string, part string) {
	t.Helper()
	for _, l := range lines {
		if strings.Contains(l, part) {
			t.Errorf("%q in %q", part, l)
		}
	}
}

// numerics are the commands of the lines, in order.
func numerics(lines []string) (all []string) {
	for _, l := range lines {
		if strings.HasPrefix(l, "@") {
			_, l, _ = strings.Cut(l, " ")
		}
		if strings.HasPrefix(l, ":") {
			_, l, _ = strings.Cut(l, " ")
		}
		command, _, _ := strings.Cut(l, " ")
		all = append(all, command)
	}
	return all
}

// closed reports whether the gateway has closed the connection.
func (c *ircClient) closed() bool {
	time.Sleep(2 * lingerTime)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// unix is a time as numerics print it.
func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// pipe connects somebody who does nothing by themselves.
func (r *rig) pipe() net.Conn {
	ours, theirs := net.Pipe()
	go r.g.talk(ours)
	return theirs
}

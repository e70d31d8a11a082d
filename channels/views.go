package channels

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// ensure reads what the core keeps at hand, if a failed step has dropped it.
func (c *Core) ensure() {
	if c.channels == nil {
		c.load()
	}
}

// Nick is the user's nick; empty while none was chosen.
func (c *Core) Nick() (nick string) {
	defer ignore()
	c.ensure()
	return c.nick
}

// ignore is deferred in views: from a phonebook that can't be read they are
// empty, and the next step says what is wrong with it.
func ignore() {
	var err error
	guard(&err)
}

// Channels lists all channels, hidden ones too, by name.
func (c *Core) Channels() (views []ChannelView) {
	defer ignore()
	c.ensure()
	for _, ch := range c.sorted() {
		if ch.name != "" {
			views = append(views, c.channelView(ch))
		}
	}
	slices.SortFunc(views, func(a, b ChannelView) int { return strings.Compare(foldName(a.Name), foldName(b.Name)) })
	return views
}

// Channel finds a channel by name.
func (c *Core) Channel(name string) (v ChannelView, ok bool) {
	defer ignore()
	c.ensure()
	if ch := c.named(name); ch != nil {
		return c.channelView(ch), true
	}
	return ChannelView{}, false
}

func (c *Core) channelView(ch *channel) ChannelView {
	v := ChannelView{Name: ch.name, ID: wire.Channel(ch.id), Hidden: ch.hidden, Created: ch.created, Waiting: ch.state == stateWaiting}
	c.ops(ch)
	if v.Waiting {
		v.WaitsFor = c.waitsFor(ch)
	} else {
		t := c.topic(ch)
		v.Topic, v.TopicBy, v.TopicTime = t.text, t.by, t.time
	}
	if ch.state == stateRemoved {
		v.RemovedBy = c.removedBy(ch)
	}
	v.Differ = c.differ(ch)
	for _, m := range ch.shown {
		if view := c.memberView(ch, m); view.Own {
			v.Members = slices.Insert(v.Members, 0, view)
		} else {
			v.Members = append(v.Members, view)
		}
	}
	v.Pending = int(c.book.number("SELECT count(*) FROM lines WHERE channel = ? AND sent = 0", ch.row))
	for _, id := range list(c.book, readNumber, "SELECT hub FROM places WHERE channel = ? AND dropped = 0 AND (joined = 1 OR opened <> 0) ORDER BY hub", ch.row) {
		if h, ok := c.hub(id); ok {
			v.Hubs = append(v.Hubs, c.placeView(ch, h))
		}
	}
	return v
}

func (c *Core) memberView(ch *channel, m shownMember) MemberView {
	v := MemberView{ID: m.id, Nick: m.nick, Own: m.id == ch.self, Fingerprint: fingerprint(m.id)}
	v.Heard = moment(c.book.number("SELECT heard FROM peers WHERE channel = ? AND member = ?", ch.row, m.id[:]))
	if !v.Own {
		v.Waiting = c.book.number("SELECT count(*) FROM chains WHERE channel = ? AND sender = ?", ch.row, m.id[:]) == 0
	}
	v.Verified = c.book.number("SELECT verified FROM peers WHERE channel = ? AND member = ?", ch.row, m.id[:]) > 0
	v.Namesake = c.namesake(ch, m)
	view := c.view(ch)
	r, ok := view.Member(roster.Member(m.id))
	if !ok {
		if v.Own && ch.blob != nil {
			v.InvitedBy, v.Inviter = nickIn(ch.shown, ch.blob.Inviter), ch.blob.Inviter
		}
		return v
	}
	v.Founder, v.Token = r.ID == view.Founder, wire.Token(r.Token)
	v.Suspended = r.Suspended
	v.Above = !v.Own && view.MayRemove(r.ID, roster.Member(ch.self))
	if !v.Founder {
		v.InvitedBy, v.Inviter = c.nickOf(ch, session.Member(r.Inviter)), r.Inviter
	}
	if op := c.ops(ch).Get(r.Join); op != nil {
		v.Since = time.UnixMilli(op.Op().Time).UTC()
	}
	return v
}

// removedBy is who removed the user from a channel.
func (c *Core) removedBy(ch *channel) string {
	for _, r := range c.view(ch).Removed {
		if session.Member(r.ID) == ch.self && len(r.By) > 0 {
			return c.nickOf(ch, session.Member(r.By[0]))
		}
	}
	return "somebody"
}

// fingerprint is a member's key, short enough to read aloud: the first 16 bytes of
// SHA-256("hubbub/1 fingerprint" | key) in groups of four hexadecimal digits.
func fingerprint(id session.Member) string {
	sum := sha256.Sum256(append([]byte("hubbub/1 fingerprint"), id[:]...))
	digits := hex.EncodeToString(sum[:16])
	var groups []string
	for i := 0; i < len(digits); i += 4 {
		groups = append(groups, digits[i:i+4])
	}
	return strings.Join(groups, " ")
}

// Hubs lists the hubs that the user has an account on.
func (c *Core) Hubs() (views []HubView) {
	defer ignore()
	c.ensure()
	next, _ := (&step{Core: c}).choose() // whoever looks knows what time it is, and what has closed
	for _, h := range c.hubs() {
		if h.account != nil {
			v := c.hubView(h)
			v.Next = h.row == next.row
			v.Channels = int(c.book.number("SELECT count(*) FROM places WHERE hub = ? AND dropped = 0", h.row))
			v.Behind = int(c.book.number("SELECT count(*) FROM calls c JOIN places p ON p.channel = c.channel AND p.hub = c.hub WHERE c.hub = ? AND c.op = ? AND p.dropped = 0", h.row, string(wire.OpPut)))
			views = append(views, v)
		}
	}
	return views
}

func (c *Core) hubView(h hub) HubView {
	v := HubView{
		Address: h.address, Embedded: h.embedded, Own: h.account != nil, Owner: h.owner, Claimed: h.claimed,
		Up: h.up, Heard: h.heard, Trouble: h.trouble, Closes: h.closes,
	}
	if state := c.memory.hubs[h.row]; state.heard.After(v.Heard) {
		v.Heard = state.heard
	}
	if v.Trouble == "" {
		v.Trouble = h.note
	}
	switch {
	case !h.up && !h.since.IsZero():
		v.Standing, v.Since = Down, h.since
	case !h.up && v.Heard.IsZero() && v.Trouble == "":
		v.Standing = Unasked
	case !h.up:
		v.Standing = Down
	}
	return v
}

// placeView is a hub as a channel has it.
func (c *Core) placeView(ch *channel, h hub) HubView {
	v, p := c.hubView(h), c.placeAt(ch.row, h.row)
	v.Behind = int(c.book.number("SELECT count(*) FROM calls WHERE hub = ? AND channel = ? AND op = ? AND (carry = 0 OR due <= ?)",
		h.row, ch.row, string(wire.OpPut), stamp(c.memory.now)))
	v.Read = c.memory.head[place{ch.row, h.row}]
	v.Entries, v.Bytes, v.Quota, v.Counted = p.entries, p.bytes, p.quota, p.counted
	v.Rubbish = int(c.book.number("SELECT rubbish FROM places WHERE channel = ? AND hub = ?", ch.row, h.row))
	if v.Standing == Good {
		v.Standing = p.standing
		if !p.entered && p.standing == Good {
			v.Standing = Unasked
		}
	}
	if p.trouble != "" {
		v.Trouble = p.trouble
	}
	if named, ok := hubView(c.view(ch), h.address.Fingerprint); ok && ch.state != stateWaiting {
		v.By = c.nickOf(ch, session.Member(named.Entries[0].By))
	}
	return v
}

// Queue says how much is still to be done. What is said to nobody waits for
// somebody to come, and is not counted.
func (c *Core) Queue() (v QueueView) {
	defer ignore()
	c.ensure()
	v.Calls = int(c.book.number("SELECT count(*) FROM calls"))
	v.Held = int(c.book.number("SELECT count(*) FROM held"))
	v.Losses = int(c.book.number("SELECT count(*) FROM timers WHERE kind = ?", timerLost))
	for _, ch := range c.sorted() {
		if !c.alone(ch) {
			v.Contents += int(c.book.number("SELECT count(*) FROM outbox WHERE channel = ?", ch.row))
		}
	}
	return v
}

// Unsealed is how many of the user's texts in a channel are not sealed yet: they
// wait for the channel to be read to its head, or for somebody to be there. When
// a step makes it less, those texts are for who is a member after that step.
func (c *Core) Unsealed(channel string) (n int) {
	defer ignore()
	c.ensure()
	if ch := c.named(channel); ch != nil {
		n = int(c.book.number("SELECT count(*) FROM outbox WHERE channel = ? AND kind = ?", ch.row, outText))
	}
	return n
}

// Invites lists the one-time keys that the user made, newest first; those no
// longer open for a week.
func (c *Core) Invites() (views []InviteView) {
	defer ignore()
	c.ensure()
	for _, i := range list(c.book, readInvite, selectInvites+"WHERE own = 1 ORDER BY id DESC") {
		ch := c.channels[i.channel]
		if ch == nil || ch.name == "" {
			continue
		}
		v := InviteView{Number: int(i.row), Channel: ch.name, Note: i.note, Made: i.made, Expires: i.expires, State: i.state}
		switch i.state {
		case inviteMaking:
			v.State = "being made"
		case inviteUsed:
			v.State = "used by " + c.nickOf(ch, session.Member(i.by))
		case inviteOpen:
			if !c.memory.now.IsZero() && c.memory.now.After(i.expires) {
				v.State = inviteExpired
			}
		}
		views = append(views, v)
	}
	return views
}

// Forks lists the invitations by members of channels to other ones that are open.
func (c *Core) Forks() (forks []ForkView, err error) {
	defer guard(&err)
	c.ensure()
	for _, f := range c.openForks() {
		forks = append(forks, ForkView{Channel: f.channel, By: f.nick, Name: f.name, Made: f.made, Expires: f.expires})
	}
	return forks, nil
}

// Safety is the channel's safety number: 40 digits in groups of five.
func (c *Core) Safety(channel string) (number string, err error) {
	defer guard(&err)
	c.ensure()
	ch := c.named(channel)
	if ch == nil {
		return "", fmt.Errorf("you are not in %s", channel)
	}
	if ch.state == stateWaiting {
		return "", fmt.Errorf("the members are not known yet: %s must come online first", c.waitsFor(ch))
	}
	return c.view(ch).SafetyNumber(), nil
}

// Seen says, a member each, who has the user's texts in a channel.
func (c *Core) Seen(channel string) (views []SeenView, err error) {
	defer guard(&err)
	c.ensure()
	ch := c.named(channel)
	if ch == nil {
		return nil, fmt.Errorf("you are not in %s", channel)
	}
	c.ops(ch)
	for _, m := range ch.shown {
		if m.id == ch.self {
			continue
		}
		v := SeenView{Nick: m.nick}
		has := c.book.number("SELECT delivered FROM peers WHERE channel = ? AND member = ?", ch.row, m.id[:])
		v.Behind = int(c.book.number("SELECT count(*) FROM lines WHERE channel = ? AND own = 1 AND (seq > ? OR seq = 0)", ch.row, has))
		if has > 0 {
			first(c.book, func(r row) bool {
				var at int64
				scan(r, &at, &v.Text)
				v.Time, v.Text = moment(at), excerpt(v.Text)
				return true
			}, "SELECT time, text FROM lines WHERE channel = ? AND own = 1 AND seq > 0 AND seq <= ? ORDER BY seq DESC LIMIT 1", ch.row, has)
		}
		views = append(views, v)
	}
	return views, nil
}

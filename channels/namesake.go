package channels

import (
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// A member's key never changes, so that no one else can come in its place. But
// another member may take the nick of one who is gone: that is pointed out.

// bearer is a member who is, or was, known by a nick.
type bearer struct {
	id   session.Member
	now  string    // what he is called now, or was last
	gone time.Time // when he left or was removed; zero: he is here
	why  roster.Reason
}

// bearers are the others who are known by a nick that looks like this member's,
// or were, the one who has gone last at the end.
func (c *Core) bearers(ch *channel, m shownMember) (found []bearer) {
	if ch.state == stateWaiting || ch.state == stateRedeeming {
		return nil
	}
	view, like := c.view(ch), skeleton(baseNick(m.nick))
	known := map[roster.Member]bool{}
	for _, op := range c.ops(ch).All() {
		if nick, ok := takesNick(op.Op().Args); ok && skeleton(cleanNick(nick)) == like && view.Void(op.Hash()) != roster.ReasonCut {
			known[op.Op().By] = true
		}
	}
	delete(known, roster.Member(m.id))
	for _, o := range view.Members {
		if known[o.ID] {
			found = append(found, bearer{id: session.Member(o.ID), now: c.nickOf(ch, session.Member(o.ID))})
		}
	}
	for _, r := range view.Removed {
		if known[r.ID] && (r.Why == roster.ReasonLeft || r.Why == roster.ReasonRemoved) {
			found = append(found, bearer{id: session.Member(r.ID), now: cleanNick(r.Nick), gone: c.wentAt(ch, r.ID), why: r.Why})
		}
	}
	return found
}

// takesNick is the nick that an operation's author takes by it.
func takesNick(args roster.Args) (nick string, ok bool) {
	switch a := args.(type) {
	case roster.Found:
		return a.Nick, true
	case roster.Join:
		return a.Nick, true
	case roster.Nick:
		return a.Nick, true
	}
	return "", false
}

// wentAt is when a member left or was removed, by the clock of whoever said so.
func (c *Core) wentAt(ch *channel, id roster.Member) (at time.Time) {
	for _, op := range c.ops(ch).All() {
		switch a := op.Op().Args.(type) {
		case roster.Leave:
			if op.Op().By != id {
				continue
			}
		case roster.Remove:
			if a.Member != id || c.view(ch).Void(op.Hash()) != "" {
				continue
			}
		default:
			continue
		}
		at = time.UnixMilli(op.Op().Time).UTC()
		break
	}
	return at
}

// namesake is when another of a member's nick was last heard of, who is gone.
func (c *Core) namesake(ch *channel, m shownMember) (last time.Time) {
	for _, b := range c.bearers(ch, m) {
		if b.gone.IsZero() {
			continue
		}
		at := moment(c.book.number("SELECT heard FROM peers WHERE channel = ? AND member = ?", ch.row, b.id[:]))
		if at.IsZero() {
			at = b.gone
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}

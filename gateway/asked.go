package main

import "hubbub/channels"

// asked remembers who gave an input, so that the events that answer it reach
// them, and in the way they asked.
type asked struct {
	client  *client
	command string // the IRC command, upper case, or "sysop"
	channel string // as the client wrote it
	nick    string // INVITE, KICK: whom; NICK: the new one
	key     string // JOIN: the one-time key, to name it in the line to type next
	text    string // PRIVMSG: the text, to name it if it fails

	// then, if set, is given each event with this Ref first; if it reports
	// true it has told the client, and nothing else does. Channels and nicks
	// are shown to all clients all the same.
	then func(channels.Event) bool
}

// keepAsked is how many inputs are remembered; older ones are answered to all.
const keepAsked = 4096

// ask makes a Ref for an input that a client gives.
func (g *gateway) ask(a asked) channels.Ref {
	g.lastRef++
	g.asked[g.lastRef] = &a
	delete(g.asked, g.lastRef-keepAsked)
	return g.lastRef
}

// asker finds who gave the input that ref is of; ok is false if nobody is
// known, or their client is gone.
func (g *gateway) asker(ref channels.Ref) (a *asked, ok bool) {
	a = g.asked[ref]
	if ref == 0 || a == nil || a.client.closed {
		return nil, false
	}
	return a, true
}

// refOf is the Ref that an input carries.
func refOf(in channels.Input) channels.Ref {
	switch in := in.(type) {
	case channels.UseHub:
		return in.Ref
	case channels.Join:
		return in.Ref
	case channels.Redeem:
		return in.Ref
	case channels.Invite:
		return in.Ref
	case channels.Revoke:
		return in.Ref
	case channels.Send:
		return in.Ref
	case channels.SetNick:
		return in.Ref
	case channels.SetTopic:
		return in.Ref
	case channels.Hide:
		return in.Ref
	case channels.Leave:
		return in.Ref
	case channels.Mirror:
		return in.Ref
	case channels.DropHub:
		return in.Ref
	case channels.ForgetHub:
		return in.Ref
	case channels.MoveHub:
		return in.Ref
	case channels.AskHub:
		return in.Ref
	case channels.Rescue:
		return in.Ref
	case channels.Remove:
		return in.Ref
	case channels.Confirm:
		return in.Ref
	case channels.Share:
		return in.Ref
	case channels.Fork:
		return in.Ref
	case channels.Verify:
		return in.Ref
	}
	return 0
}

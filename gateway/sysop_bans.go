package main

import (
	"fmt"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

func (c *client) sysopHubBan(args string) {
	before := c.takeUnfinished()
	c.banned("hub ban", args, func(h channels.HubView, to target) {
		switch own := to.view.Name != "" && to.view.RemovedBy == ""; {
		case to.guest != nil && to.guest.Banned, to.guest == nil && to.token == wire.Token{} && to.channel.Banned:
			c.sysopSays(h.Address.URL + " serves " + to.said + " no more already. To take it back: /msg sysop " + unban(args))
		case to.guest != nil:
			c.banGuest(h, to, before, args)
		case to.token == wire.Token{} && own:
			c.sysopSays(fmt.Sprintf("You are in %s yourself, and would lock yourself out of it. Somebody in it: /msg sysop hub ban %s NICK. To no longer keep it on %s: /msg sysop hub drop %s %s", to.view.Name, to.view.Name, h.Address.URL, to.view.Name, h.Address.URL))
		case c.sayAgain(before, "hub ban "+args, banWarning(h, to)):
			c.sendBan(h, to, wire.BanArgs{Channel: to.channel.Channel, Token: to.token}, args)
		}
	})
}

func (c *client) sysopHubUnban(args string) {
	c.banned("hub unban", args, func(h channels.HubView, to target) {
		lift := wire.BanArgs{Channel: to.channel.Channel, Token: to.token, Lift: true}
		switch {
		case to.guest != nil && !to.guest.Banned, to.guest == nil && to.token == wire.Token{} && !to.channel.Banned:
			c.sysopSays(sentenceStart(to.said) + " is not banned on " + h.Address.URL + ": there is nothing to take back. " + whoIsBanned)
			return
		case to.guest != nil:
			lift.Name = to.guest.Name
		}
		c.sendBan(h, to, lift, args)
	})
}

// whoIsBanned says how to see it.
const whoIsBanned = "/msg sysop hub guests and /msg sysop hub channels list them, and what is banned."

// banned reads whom a ban is about, and on which hub.
func (c *client) banned(command, args string, then func(channels.HubView, target)) {
	t, ok := readTarget(strings.Fields(args), true)
	if !ok || len(t.rest) > 1 {
		c.sysopSays("Whom? /msg sysop " + command + " NAME for a guest of your hub, a channel's number from /msg sysop hub channels, or #chan NICK for somebody in a channel of yours. " + whoIsBanned)
		return
	}
	if h, ok := c.whichHub(command, strings.Join(t.rest, ""), true); ok {
		c.resolve(h, t, func(to target) { then(h, to) })
	}
}

// unban is the line that takes a ban back.
func unban(args string) string { return "hub unban " + strings.TrimSpace(args) }

// banWarning is what it means that a channel, or somebody in one, is banned.
func banWarning(h channels.HubView, to target) string {
	if (to.token == wire.Token{}) {
		return "Have " + h.Address.URL + " serve " + to.said + " no more, to nobody who is in it? Nothing is deleted, and hub unban takes it back."
	}
	text := "Have " + h.Address.URL + " serve " + to.said + " no more? That is your hub alone: they stay in the channel, and "
	over := false
	for _, v := range to.view.Hubs {
		over = over || v.Address.Fingerprint != h.Address.Fingerprint
	}
	if over {
		text += "read it on its other hubs."
	} else {
		text += "get nothing of it any more, for it is on no other hub."
	}
	return text + " To put them out of it: /kick. Nothing is deleted, and hub unban takes it back."
}

// banGuest bans a guest, with the channels that he opened, but for those that the
// user is in: these go on without him.
func (c *client) banGuest(h channels.HubView, to target, before unfinished, args string) {
	name := to.guest.Name
	c.allChannels(h, func(all []wire.HubChannel) {
		keep, kept, others := c.guestsChannels(all, name)
		what := "The account opens no channel there"
		if others > 0 || len(kept) == 0 {
			what += fmt.Sprintf(", and %s that it opened %s served to nobody", number(int64(others), "other channel"), plural(others, "is", "are"))
		}
		if len(kept) == 0 {
			what = strings.Replace(what, " other channel", " channel", 1)
		}
		lines := []string{fmt.Sprintf("Have %s serve its guest %s no more? %s. Nothing is deleted, and hub unban takes it back.", h.Address.URL, to.said, what)}
		if len(kept) > 0 {
			lines = append(lines, "You are in "+fewOf(kept)+", too, opened by "+to.said+": that goes on, as yours, and "+to.said+" alone is kept out of it there.")
		}
		if in := c.g.nicked(name); len(in) > 0 {
			lines = append(lines, "Whoever has the nick "+to.said+" in "+fewOf(in)+" is banned there by /msg sysop hub ban "+in[0]+" "+to.said)
		}
		if c.sayAgain(before, "hub ban "+args, lines...) {
			c.sendBan(h, to, wire.BanArgs{Name: name, Keep: keep}, args)
		}
	})
}

// guestsChannels are those that a guest has opened: the user's own among them, by
// their ids and names, and how many others.
func (c *client) guestsChannels(all []wire.HubChannel, guest string) (ids []wire.Channel, names []string, others int) {
	own := map[wire.Channel]string{}
	for _, v := range c.g.core.Channels() {
		if v.RemovedBy == "" {
			own[v.ID] = v.Name
		}
	}
	for _, ch := range all {
		switch name := own[ch.Channel]; {
		case ch.Guest != guest:
		case name != "" && len(ids) < wire.MaxKept:
			ids, names = append(ids, ch.Channel), append(names, name)
		default:
			others++
		}
	}
	return ids, names, others
}

// sendBan has a hub serve somebody no more, or again.
func (c *client) sendBan(h channels.HubView, to target, ban wire.BanArgs, args string) {
	askHub(c, h, wire.OpBan, ban, func(_ nothing, refused *wire.Error) {
		switch {
		case refused != nil:
			c.sysopSays(c.notFoundOn(h, to, refused))
		case ban.Lift:
			c.sysopSays(h.Address.URL + " serves " + to.said + " again. Gateways that were refused ask again within an hour." + c.stillBanned(to))
		default:
			c.sysopSays(h.Address.URL + " serves " + to.said + " no more" + alsoBanned(to) + ". Nothing was deleted. To take it back: /msg sysop " + unban(args))
		}
	})
}

// alsoBanned is what a ban means beside.
func alsoBanned(to target) string {
	switch {
	case to.guest != nil:
		return ", nor anybody in the channels that " + to.said + " opened there, but for those that you are in"
	case to.token != wire.Token{}:
		return "; they are still in the channel. To put them out of it: /kick"
	}
	return ", whoever is in it"
}

// stillBanned says what the end of a ban does not end.
func (c *client) stillBanned(to target) string {
	switch {
	case to.guest != nil && len(c.g.core.Channels()) > 0:
		return " In a channel that " + to.said + " had opened, and you are in, it takes this as well: /msg sysop hub unban #chan NICK"
	case to.token == wire.Token{} && to.channel.Guest != "":
		return " If " + theirName(to.channel.Guest) + ", who opened it, is banned too: /msg sysop hub unban " + theirName(to.channel.Guest)
	}
	return ""
}

package main

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"hubbub/channels"
)

var inviteCommands = []sysopCommand{{
	name: "invites", also: []string{"keys"},
	help: "the one-time keys you made", run: (*client).sysopInvites,
}, {
	name: "revoke", args: "N",
	help: "close an open one-time key", run: (*client).sysopRevoke,
	more: []string{"N is its number in /msg sysop invites. Who has joined with it stays."},
}}

// sysopInvites lists the one-time keys of the user; not their text, which is
// kept nowhere but in the files of the open ones.
func (c *client) sysopInvites(string) {
	invites := c.g.core.Invites()
	if len(invites) == 0 {
		c.sysopSays("You made no one-time key in the last week. To make one: /join #name, then /invite NICK.")
		return
	}
	open := false
	for _, v := range invites {
		c.sysopSays(fmt.Sprintf("%d: %s%s, made %s: %s%s", v.Number, v.Channel, forWhom(v.Note), moment(v.Made), v.State, untilWhen(v)))
		open = open || v.State == inviteOpen
	}
	if open {
		c.sysopSays("To close an open one: /msg sysop revoke N." + c.g.sysop.invites.where())
	}
	c.g.pruneInvites()
}

// untilWhen is how long an open key is good.
func untilWhen(v channels.InviteView) string {
	if v.State != inviteOpen {
		return ""
	}
	return " until " + moment(v.Expires)
}

// where says where the open keys can be read again.
func (f inviteFiles) where() string {
	if f.dir == "" {
		return ""
	}
	return " To see one again: it is in the folder " + f.dir
}

// sysopRevoke closes a one-time key.
func (c *client) sysopRevoke(args string) {
	n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(args, "#"), "N"))
	if err != nil {
		c.sysopSays("Which one? /msg sysop revoke N, with the number that /msg sysop invites shows.")
		return
	}
	c.sysopStep(func(ref channels.Ref) channels.Input { return channels.Revoke{Ref: ref, Invite: n} },
		func(ev channels.Event) bool {
			done, ok := ev.(channels.Done)
			if !ok {
				return false
			}
			text := done.Text
			if text == "" {
				text = fmt.Sprintf("the one-time key %d is closed", n)
			}
			c.sysopSays(sentence(text) + " /msg sysop invites shows what is still open.")
			c.g.pruneInvites()
			return true
		})
}

// pruneInvites removes the files of keys that are not open any more.
func (g *gateway) pruneInvites() {
	if err := g.sysop.invites.prune(g.core.Invites()); err != nil {
		slog.Warn("removing a one-time key's file failed", "err", err)
	}
}

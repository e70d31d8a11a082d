package main

import (
	"fmt"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

const quotaUsage = "/msg sysop hub quota NAME 200MB, or a channel's number from /msg sysop hub channels in place of NAME; none in place of 200MB is no limit; without it I say how much it is"

// sysopHubQuota bounds what a guest or a channel may hold, or says what bounds it.
func (c *client) sysopHubQuota(args string) {
	t, ok := readTarget(strings.Fields(args), false)
	if !ok || len(t.rest) > 2 {
		c.sysopSays("Whose, and how much? " + quotaUsage)
		return
	}
	quota, sized, word := int64(0), false, ""
	for _, w := range t.rest {
		size, isSize := parseSize(w)
		_, number := readSize(w)
		switch {
		case isSize && !sized:
			quota, sized = size, true
		case number && !sized:
			c.sysopSays(noSize(w) + " " + quotaUsage)
			return
		case word == "" && len(c.hubsLike(w, c.g.knownHubs())) > 0:
			word = w
		case sized:
			c.sysopSays("There is no such hub: " + w + ". " + hubNames("Yours", c.g.ownHubs(true)))
			return
		default:
			c.sysopSays(noSize(w) + " " + quotaUsage)
			return
		}
	}
	h, ok := c.whichHub("hub quota", word, true)
	if !ok {
		return
	}
	c.resolve(h, t, func(to target) {
		if !sized {
			c.sysopSays(quotaLines(h, t.word, to)...)
			return
		}
		c.setQuota(h, to, quota)
	})
}

// quotaLines say how much somebody holds, and may.
func quotaLines(h channels.HubView, word string, to target) []string {
	bytes, quota, where := to.channel.Bytes, to.channel.Quota, " on "+h.Address.URL
	if to.guest != nil {
		bytes, quota, where = to.guest.Bytes, to.guest.Quota, where+", in "+number(to.guest.Channels, "channel")
	}
	text := sentenceStart(to.said) + " holds " + used(bytes, quota) + where + "."
	if quota <= 0 {
		text += " There is no limit but the hub's own."
	}
	return []string{text, "To change it: /msg sysop hub quota " + word + " SIZE, such as 200MB, or none"}
}

// setQuota bounds what somebody may hold.
func (c *client) setQuota(h channels.HubView, to target, quota int64) {
	args := wire.QuotaArgs{Channel: to.channel.Channel, Quota: quota}
	if to.guest != nil {
		args.Name = to.guest.Name
	}
	askHub(c, h, wire.OpQuota, args, func(_ nothing, refused *wire.Error) {
		if refused != nil {
			c.sysopSays(c.notFoundOn(h, to, refused))
			return
		}
		c.sysopSays(fmt.Sprintf("%s may hold on %s: %s. What is there already stays, until new texts need the room.", sentenceStart(to.said), h.Address.URL, limitOf(quota)))
	})
}

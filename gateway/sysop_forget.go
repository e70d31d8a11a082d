package main

import (
	"strings"

	"hubbub/channels"
)

// sysopHubForget makes a hub none of the user's, when told twice.
func (c *client) sysopHubForget(args string) {
	before := c.takeUnfinished()
	word := strings.TrimSpace(args)
	hubs := c.g.core.Hubs()
	if word == "" || strings.Contains(word, " ") {
		c.sysopSays("Which hub? /msg sysop hub forget URL, or a part of the URL. " + hubNames("Yours", hubs))
		return
	}
	if len(c.hubsLike(word, hubs)) == 0 && len(c.hubsLike(word, c.g.knownHubs())) == 1 {
		c.sysopSays(c.whyNotOwn(word), "To no longer keep a channel there: /msg sysop hub drop #chan URL")
		return
	}
	h, ok := c.namedHub(word, hubs, "Yours")
	switch {
	case !ok:
		return
	case h.Embedded:
		c.sysopSays("The embedded hub is inside this gateway, for this machine alone: without embedded_hub in the configuration it is not started.")
		return
	case !c.sayAgain(before, "hub forget "+word, c.forgetWarning(h, hubName(h, hubs))...):
		return
	}
	c.sysopStep(func(ref channels.Ref) channels.Input { return channels.ForgetHub{Ref: ref, Hub: h.Address.Fingerprint} },
		c.saysDone(h.Address.URL+" is none of your hubs any more.", "What you have: /msg sysop hub list"))
}

// forgetWarning is what it means that a hub is forgotten.
func (c *client) forgetWarning(h channels.HubView, name string) []string {
	lines := []string{"Forget " + name + "? Your account there is deleted, and new channels go elsewhere. " + wayBack(h)}
	on := c.g.channelsOn(h)
	if over := on[leavesIt]; len(over) > 0 {
		lines = append(lines, fewOf(over)+" "+plural(len(over), "leaves", "leave")+" it, for all members, and "+plural(len(over), "goes", "go")+" on over other hubs.")
	}
	if shared := on[sharedOn]; len(shared) > 0 {
		lines = append(lines, "Another member keeps "+fewOf(shared)+" there, too, and can drop that: it stays, as on somebody else's hub.")
	}
	if only := on[onlyOn]; len(only) > 0 {
		lines = append(lines, "On NO OTHER hub that answers: "+fewOf(only)+". "+plural(len(only), "It stays", "They stay")+" there, as on somebody else's hub, and when that is gone nobody can speak there. With another hub of yours, first: "+nextHubFor(h, only[0]))
	}
	if h.Owner && h.Standing != channels.Down && h.Closes.IsZero() {
		lines = append(lines, "Others who have a channel there are not told: if you are about to take it down, say so first: /msg sysop hub retire "+h.Address.URL)
	}
	return lines
}

// wayBack says how somebody who has forgotten a hub comes to it again.
func wayBack(h channels.HubView) string {
	switch {
	case !h.Claimed:
		return "It has not taken your key yet, which stays good."
	case !h.Owner:
		return "To come back takes a new key from its owner."
	}
	return "To be its owner again takes a new key: an empty file claim.txt in its data folder has it make one."
}

// nextHubFor is what to type to have a channel on another hub.
func nextHubFor(h channels.HubView, channel string) string {
	if h.Standing == channels.Down {
		return "/msg sysop hub rescue " + channel
	}
	return "/msg sysop hub mirror " + channel + " URL"
}

// What becomes of a channel when one of its hubs is forgotten.
type forgotten int

const (
	leavesIt forgotten = iota // another hub has it, too, which answers
	sharedOn                  // the same, but another member keeps it there
	onlyOn                    // no other answers
)

// channelsOn are the names of the user's channels on a hub.
func (g *gateway) channelsOn(h channels.HubView) map[forgotten][]string {
	on := map[forgotten][]string{}
	for _, view := range g.core.Channels() {
		here, other, shared := false, false, false
		for _, v := range view.Hubs {
			switch {
			case v.Address.Fingerprint == h.Address.Fingerprint:
				here, shared = true, v.By != "" && v.By != g.core.Nick()
			case v.Standing == channels.Good || v.Standing == channels.Full:
				other = true
			}
		}
		switch {
		case !here || view.RemovedBy != "":
		case !other:
			on[onlyOn] = append(on[onlyOn], view.Name)
		case shared:
			on[sharedOn] = append(on[sharedOn], view.Name)
		default:
			on[leavesIt] = append(on[leavesIt], view.Name)
		}
	}
	return on
}

package main

import (
	"strings"
	"time"

	"hubbub/channels"
)

// This file says what is known of a member: to WHOIS, and to sysop.

// aboutMember is what is known of a member in one channel, for WHOIS.
func aboutMember(v channels.ChannelView, m channels.MemberView, now time.Time) []string {
	in := "in " + v.Name + ": "
	lines := []string{in + strings.Join([]string{cameBy(v, m, now), lastHeard(m, now)}, "; ")}
	if m.Fingerprint != "" {
		lines = append(lines, in+"key "+m.Fingerprint+"; "+whetherVerified(v, m))
	}
	for _, text := range doubts(v, m, now) {
		lines = append(lines, in+text)
	}
	return lines
}

// cameBy is by whom a member came into a channel, and when.
func cameBy(v channels.ChannelView, m channels.MemberView, now time.Time) string {
	text := "it is not known yet who invited them"
	switch {
	case m.Founder:
		text = "founder"
	case m.InvitedBy != "":
		text = "invited by " + inviterOf(v, m)
	}
	if !m.Since.IsZero() {
		text += ", on " + dayAndTime(m.Since, now)
	}
	return text
}

// inviterOf is the nick of who invited a member. One who is gone may have had
// the nick of one who is there.
func inviterOf(v channels.ChannelView, m channels.MemberView) string {
	if _, there := byID(v, m.Inviter); !there && m.Inviter != [32]byte{} {
		return ircNick(m.InvitedBy) + " (who is gone)"
	}
	return ircNick(m.InvitedBy)
}

// byID finds a member.
func byID(v channels.ChannelView, id [32]byte) (channels.MemberView, bool) {
	for _, m := range v.Members {
		if m.ID == id && id != [32]byte{} {
			return m, true
		}
	}
	return channels.MemberView{}, false
}

// lastHeard is when a member was last heard.
func lastHeard(m channels.MemberView, now time.Time) string {
	switch {
	case m.Waiting:
		return "not heard yet, for their gateway has not come online since"
	case m.Heard.IsZero():
		return "not heard yet"
	}
	return "last heard " + ago(m.Heard, now) + ", on " + m.Heard.Local().Format("2006-01-02 15:04")
}

// whetherVerified is whether the user has compared a member's key.
func whetherVerified(v channels.ChannelView, m channels.MemberView) string {
	if m.Verified {
		return "verified: you have compared it"
	}
	return "not verified. Compared? /msg sysop verify " + v.Name + " " + ircNick(m.Nick)
}

// doubts are what there is to beware of with a member.
func doubts(v channels.ChannelView, m channels.MemberView, now time.Time) []string {
	var lines []string
	if m.Suspended {
		lines = append(lines, "SUSPENDED, and gets nothing: the one-time key may have been used by somebody else. Who is the right one? /msg sysop help confirm")
	}
	if !m.Namesake.IsZero() {
		lines = append(lines, "NOT the "+ircNick(m.Nick)+" who was here before and was last heard on "+dayAndTime(m.Namesake, now)+": that one is gone. Compare keys before you trust this one")
	}
	return lines
}

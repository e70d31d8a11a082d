package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
)

// What docs/groups.md quotes, in italics, is what the code says.
func TestGroupsDocumentationQuotesWhatIsSaid(t *testing.T) {
	varies := regexp.MustCompile(`#chan|#new|URL|\b(?:alice|bob|carol|carol_2|dave|erin)\b|\b\d+ [A-Z][a-z]{2} \d{4}\b|\b\d+\b|\bchanges are\b|…|[.:,] `)
	quotesWhatIsSaid(t, "docs/groups.md", varies, 40)
}

// What docs/groups.md shows of a client and of sysop is what they show, and what
// it says to type is understood.
func TestGroupsDocumentationShowsWhatIsShown(t *testing.T) {
	raw, err := os.ReadFile("../docs/groups.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(raw)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, time.Local) }
	now := at(13, 11, 30)
	id := func(n byte) [32]byte { return [32]byte{n} }
	view := channels.ChannelView{Members: []channels.MemberView{
		{ID: id(2), Nick: "bob", Own: true, Inviter: id(1), Since: at(12, 14, 10)},
		{ID: id(1), Nick: "alice", Founder: true, Above: true, Since: at(12, 14, 3), Verified: true, Heard: now},
		{ID: id(4), Nick: "dave", Inviter: id(2), Since: at(13, 9, 12), Heard: now.Add(-2 * time.Hour)},
		{ID: id(3), Nick: "carol", Inviter: id(1), Since: at(12, 20, 40)},
	}}
	shown := memberTree(view, now)
	for _, l := range []channels.Line{
		{From: "alice", Kind: channels.Text, Text: "shall we meet on Friday?", Quoted: "bob", Said: at(12, 14, 3), Time: now},
		{From: "alice", Kind: channels.Action, Text: "waves", Quoted: "bob", Said: at(12, 14, 5), Time: now},
	} {
		shown = append(shown, "<alice> "+quoteMark(l)+l.Text)
	}
	for _, l := range shown {
		if !strings.Contains(docs, "\n"+l+"\n") {
			t.Errorf("docs/groups.md has no line %q", l)
		}
	}

	typed := regexp.MustCompile("(?s)/msg sysop ([^`\n]+)").FindAllStringSubmatch(docs, -1)
	for _, line := range typed {
		if _, _, ok := findCommand(strings.ReplaceAll(line[1], "*", "")); !ok {
			t.Errorf("docs/groups.md says to type %q: there is no such command", line[0])
		}
	}
	if len(typed) < 10 {
		t.Errorf("only %d lines to type were found", len(typed))
	}
}

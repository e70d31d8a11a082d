package main

import (
	"os"
	"strings"
	"testing"
)

// docs/irc.md names everything that can be typed, and every capability.
func TestDocumentationNamesEveryCommand(t *testing.T) {
	raw, err := os.ReadFile("../docs/irc.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := string(raw)
	for _, cmd := range sysopCommands {
		if want := "| `" + strings.TrimSpace(cmd.name+" "+cmd.args) + "` |"; !strings.Contains(docs, want) {
			t.Errorf("docs/irc.md has no row %s", want)
		}
	}
	byClients := "AUTHENTICATE CAP ERROR PASS PING PONG TAGMSG USER" // nobody types these
	typed := map[string]string{"PRIVMSG": "`/msg bob TEXT`", "HELP": "/quote HELP"}
	for name := range commands {
		want := typed[name]
		if want == "" {
			want = "`/" + strings.ToLower(name)
		}
		if !strings.Contains(byClients, name) && !strings.Contains(docs, want) {
			t.Errorf("docs/irc.md has no %s", want)
		}
	}
	for name := range capabilities {
		if !strings.Contains(docs, "`"+name+"`") {
			t.Errorf("docs/irc.md does not name the capability %s", name)
		}
	}
}

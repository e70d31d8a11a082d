//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// patientIrssi starts irssi as a new user has it: nothing set but the nick. It
// sends at most a line every 2.2 seconds once it has sent five.
func patientIrssi(t testing.TB, nick string) *terminal { return runIrssi(t, nick, "") }

// startIrssi starts irssi with nothing set but the nick, and to send at once.
func startIrssi(t testing.TB, nick string) *terminal {
	return runIrssi(t, nick, `"irc/core" = { cmds_max_at_once = "100"; cmd_queue_speed = "1msec"; };`)
}

func runIrssi(t testing.TB, nick, more string) *terminal {
	t.Helper()
	need(t, "irssi", "tmux")
	home := t.TempDir()
	config := fmt.Sprintf(`settings = { core = { nick = %q; user_name = %q; real_name = %q; }; %s };
`, nick, nick, nick, more)
	if err := os.WriteFile(filepath.Join(home, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openTerminal(t, "irssi "+nick, home, "irssi", "--home="+home)
	s.Sees("[(status)]")
	return s
}

// weechatPlugins are those that a conversation uses: no scripts, nothing that listens.
const weechatPlugins = "alias,buflist,charset,irc"

// startWeeChat starts WeeChat as a new user has it: nothing set but the nick, and that
// it does not show how busy the machine is on screens that are compared.
func startWeeChat(t testing.TB, nick string) *terminal {
	t.Helper()
	need(t, "weechat", "tmux")
	home := t.TempDir()
	for file, text := range map[string]string{
		"weechat.conf": "[plugin]\nautoload = \"" + weechatPlugins + "\"\n",
		"irc.conf":     fmt.Sprintf("[network]\nlag_min_show = 600000\n[server_default]\nnicks = \"%s,%s_\"\nusername = %q\n", nick, nick, nick),
	} {
		if err := os.WriteFile(filepath.Join(home, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openTerminal(t, "weechat "+nick, home, "weechat", "--dir", home)
	s.Sees("Plugins loaded", "1:weechat")
	s.flow = flowWeeChat
	return s
}

// flowWeeChat takes the middle column of a WeeChat screen, between the lists of
// buffers and of nicks, and joins the rows of each line.
func flowWeeChat(screen string) string {
	var b strings.Builder
	for row := range strings.Lines(screen) {
		columns := strings.Split(strings.TrimSuffix(row, "\n"), "│")
		if len(columns) > 1 {
			row = columns[1]
		}
		// A row that goes on has blanks only before its bar.
		if before, text, ok := strings.Cut(row, " | "); ok && strings.TrimSpace(before) == "" {
			row = text
		}
		b.WriteString(row + " ")
	}
	return b.String()
}

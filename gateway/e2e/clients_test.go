//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// startIrssi starts irssi as a new user has it: nothing set but the nick.
func startIrssi(t testing.TB, nick string) *terminal {
	t.Helper()
	need(t, "irssi", "tmux")
	home := t.TempDir()
	config := fmt.Sprintf(`settings = { core = { nick = %q; user_name = %q; real_name = %q; }; };
`, nick, nick, nick)
	if err := os.WriteFile(filepath.Join(home, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openTerminal(t, "irssi "+nick, home, "irssi", "--home="+home)
	s.Sees("[(status)]")
	return s
}

// weechatPlugins are those that a conversation uses: no scripts, nothing that listens.
const weechatPlugins = "alias,buflist,charset,irc"

// startWeeChat starts WeeChat as a new user has it: nothing set but the nick.
func startWeeChat(t testing.TB, nick string) *terminal {
	t.Helper()
	need(t, "weechat", "tmux")
	home := t.TempDir()
	for file, text := range map[string]string{
		"weechat.conf": "[plugin]\nautoload = \"" + weechatPlugins + "\"\n",
		"irc.conf":     fmt.Sprintf("[server_default]\nnicks = \"%s,%s_\"\nusername = %q\n", nick, nick, nick),
	} {
		if err := os.WriteFile(filepath.Join(home, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := openTerminal(t, "weechat "+nick, home, "weechat", "--dir", home)
	s.Sees("1.weechat")
	return s
}

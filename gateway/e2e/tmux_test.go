//go:build linux

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// terminal is a terminal of 80×24 with a program in it: a tmux server of its
// own, so that nothing of the user's tmux is touched.
type terminal struct {
	t    testing.TB
	name string
	dir  string
	flow func(screen string) string // joins what the client has broken into rows; nil: nothing but rows
}

const tmuxConf = `set -g status off
set -g default-terminal screen-256color
set -sg escape-time 0
set -g remain-on-exit on
`

// openTerminal starts a program in a terminal with a home of its own.
func openTerminal(t testing.TB, name, home string, argv ...string) *terminal {
	t.Helper()
	need(t, "tmux")
	// Not t.TempDir: the path of a socket must be short.
	dir, err := os.MkdirTemp("", "term")
	if err != nil {
		t.Fatal(err)
	}
	s := &terminal{t: t, name: name, dir: dir}
	t.Cleanup(s.close)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(tmuxConf), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-f", filepath.Join(dir, "conf"), "new-session", "-d", "-x", "80", "-y", "24",
		"env", "-i", "HOME=" + home, "PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC", "TERM=screen-256color"}
	s.tmux("", append(args, argv...)...)
	return s
}

func (s *terminal) tmux(stdin string, args ...string) string {
	s.t.Helper()
	out, err := s.tryTmux(stdin, args...)
	if err != nil {
		s.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return out
}

func (s *terminal) tryTmux(stdin string, args ...string) (string, error) {
	cmd := exec.Command("tmux", append([]string{"-u", "-S", filepath.Join(s.dir, "s")}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TERM=screen-256color", "HOME=" + s.dir}
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (s *terminal) close() {
	if s.t.Failed() {
		if out, err := s.tryTmux("", "capture-pane", "-p"); err == nil {
			s.t.Logf("last screen of %s:\n%s", s.name, frame(out))
		}
	}
	pid, err := s.tryTmux("", "display-message", "-p", "#{pane_pid}")
	s.tryTmux("", "kill-server")
	// It may write into its home while it ends.
	for i := 0; err == nil && i < 500; i++ {
		if _, gone := os.Stat("/proc/" + strings.TrimSpace(pid)); gone != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.RemoveAll(s.dir)
}

// Line types a line and Enter, and waits until the program has taken it: lines
// that come together are a paste to irssi and WeeChat.
func (s *terminal) Line(text string) {
	s.t.Helper()
	s.Text(text)
	end := []rune(squeeze(text))
	tail := string(end[max(0, len(end)-8):])
	typed := func() bool { return strings.HasSuffix(lastRows(s.Screen()), tail) }
	await(s.t, s.name+" to show what is typed, "+text, typed, func() string { return frame(s.Screen()) })
	s.Keys("Enter")
	await(s.t, s.name+" to take the line "+text, func() bool { return !typed() }, func() string { return frame(s.Screen()) })
}

// lastRows are the last two rows without blanks: WeeChat breaks a long line that
// is typed into rows, beside its list of buffers.
func lastRows(screen string) string {
	rows := strings.Split(screen, "\n")
	var last string
	for _, row := range rows[max(0, min(22, len(rows)-2)):min(24, len(rows))] {
		if i := strings.LastIndex(row, "│"); i >= 0 {
			row = row[i+len("│"):]
		}
		last += squeeze(row)
	}
	return last
}

// Text types as a person would, without Enter.
func (s *terminal) Text(text string) {
	s.t.Helper()
	for _, part := range pieces(text, 400) {
		s.tmux("", "send-keys", "-l", "--", part)
	}
}

// Keys presses keys by tmux's names for them.
func (s *terminal) Keys(keys ...string) {
	s.t.Helper()
	s.tmux("", append([]string{"send-keys"}, keys...)...)
}

// Paste pastes as a terminal does: bracketed, if the program asked for that.
func (s *terminal) Paste(text string) {
	s.t.Helper()
	s.tmux(text, "load-buffer", "-")
	s.tmux("", "paste-buffer", "-p", "-r", "-d")
}

// Screen is what the terminal shows: 24 lines, trailing blanks cut.
func (s *terminal) Screen() string {
	s.t.Helper()
	return s.tmux("", "capture-pane", "-p")
}

// Styled is the screen with its colours, as SGR sequences.
func (s *terminal) Styled() string {
	s.t.Helper()
	return s.tmux("", "capture-pane", "-p", "-e")
}

// Await waits until the screen is as wanted and, then, until it rests.
func (s *terminal) Await(what string, ok func(screen string) bool) string {
	s.t.Helper()
	var now string
	await(s.t, what+" on the screen of "+s.name, func() bool {
		now = s.Screen()
		if !ok(now) {
			return false
		}
		time.Sleep(150 * time.Millisecond)
		rest := s.Screen()
		return rest == now
	}, func() string { return frame(now) })
	return now
}

// Sees waits until all texts are on the screen, in this order. Where a client
// breaks a line does not matter.
func (s *terminal) Sees(texts ...string) string {
	s.t.Helper()
	return s.Await(strings.Join(texts, " … "), func(screen string) bool {
		if s.flow != nil {
			screen = s.flow(screen)
		}
		return inOrder(screen, texts)
	})
}

// inOrder tells whether all texts stand in s, one behind the other, blanks and
// line breaks being one.
func inOrder(s string, texts []string) bool {
	s = strings.Join(strings.Fields(s), " ")
	for _, text := range texts {
		i := strings.Index(s, text)
		if i < 0 {
			return false
		}
		s = s[i+len(text):]
	}
	return true
}

// frame draws a box round a screen, for messages.
func frame(screen string) string {
	var b strings.Builder
	rule := "+" + strings.Repeat("-", 80) + "+\n"
	b.WriteString(rule)
	for line := range strings.Lines(screen) {
		line = strings.TrimSuffix(line, "\n")
		b.WriteString("|" + line + strings.Repeat(" ", max(0, 80-len([]rune(line)))) + "|\n")
	}
	b.WriteString(rule)
	return b.String()
}

// pieces cuts a text between runes into parts of at most n bytes.
func pieces(text string, n int) []string {
	var parts []string
	start, end := 0, 0
	for i, r := range text {
		size := len(string(r))
		if i+size-start > n {
			parts = append(parts, text[start:end])
			start = i
		}
		end = i + size
	}
	return append(parts, text[start:])
}

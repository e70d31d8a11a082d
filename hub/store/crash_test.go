package store

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// writerPath names, in the environment, the database that this very program
// is to write to until it is killed.
const writerPath = "HUBBUB_TEST_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerPath); path != "" {
		write(path)
		os.Exit(1)
	}
	if path := os.Getenv(scribblePath); path != "" {
		if err := scribbleOver(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// write puts entries and says so of each that is stored.
func write(path string) {
	s, err := OpenSQLite(path, DefaultLimits())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for i := 0; ; i++ {
		entry := fmt.Sprintf("%d: entry %d, %0*d", os.Getpid(), i, i%5000, 0)
		if err := put(s, entry); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		fmt.Println(entry)
	}
}

// Whatever a process was told is stored is there after any of them was killed,
// at any point of its writing.
func TestKilledWritersLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	s := mustOpen(t, path)
	furnish(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var stored []string
	for round := range 8 {
		stored = append(stored, killWriterAfter(t, path, 3+7*round)...)
	}
	s = mustOpen(t, path)
	got := entries(t, s)
	slices.Sort(got)
	for _, entry := range stored {
		if _, ok := slices.BinarySearch(got, entry); !ok {
			t.Errorf("lost: %.40q", entry)
		}
	}
	var integrity string
	if err := s.db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Error("integrity:", integrity, err)
	}
	if len(stored) < 100 {
		t.Errorf("only %d entries were written", len(stored))
	}
}

// killWriterAfter starts a writer and kills it once it has stored n entries,
// while it writes the next. It returns what was stored.
func killWriterAfter(t *testing.T, path string, n int) (stored []string) {
	t.Helper()
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), writerPath+"="+path)
	writer.Stderr = os.Stderr
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if stored = append(stored, lines.Text()); len(stored) == n {
			writer.Process.Kill()
		}
	}
	writer.Wait()
	return stored
}

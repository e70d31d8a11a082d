package channels_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"hubbub/channels"
)

// TestMain lets the test's own program be run as a gateway that types, to be
// killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("HUBBUB_TEST_TYPIST"); dir != "" {
		typist(dir)
		return
	}
	os.Exit(m.Run())
}

// typist sends texts as fast as it can, and prints the number of each that was
// accepted.
func typist(dir string) {
	core, err := channels.Open(dir, channels.Options{Nick: "alice"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	next := 0
	if lines, err := core.Backlog("nobody"); err == nil && len(lines) > 0 {
		next, _ = strconv.Atoi(lines[len(lines)-1].Text)
		next++
	}
	for ; ; next++ {
		if _, err := core.Step(channels.Send{Channel: "#bob", Kind: channels.Text, Text: strconv.Itoa(next)}, time.Now()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(next)
	}
}

// TestAcceptedTextsOutlastAKill kills a gateway that types with signal 9, again
// and again: what Step returned from is in the phonebook, once and in order.
func TestAcceptedTextsOutlastAKill(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	core, err := channels.Open(dir, channels.Options{Nick: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []channels.Input{
		channels.Start{}, channels.Join{Channel: "#bob"},
		channels.Send{Channel: "#bob", Kind: channels.Text, Text: "0"},
		channels.Delivered{Client: "all"}, // from here on
	} {
		if _, err := core.Step(in, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := core.Close(); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for round := range 5 {
		accepted = max(accepted, typeUntilKilled(t, program, dir, 20+round*37))
	}
	if core, err = channels.Open(dir, channels.Options{}); err != nil {
		t.Fatal(err)
	}
	defer core.Close()
	lines, err := core.Backlog("all")
	if err != nil {
		t.Fatal(err)
	}
	lines = slices.DeleteFunc(lines, func(l channels.Line) bool { return l.Kind == channels.Info })
	for i, l := range lines {
		if l.Text != strconv.Itoa(i) {
			t.Fatalf("line %d is %q", i, l.Text)
		}
	}
	// A text may have been stored whose number was not printed any more.
	if len(lines) < accepted+1 || len(lines) > accepted+2 || accepted < 100 {
		t.Errorf("%d texts are there, %d was the last accepted", len(lines), accepted)
	}
}

// typeUntilKilled runs the typist until it has had so many texts accepted, and
// returns the last.
func typeUntilKilled(t *testing.T, program, dir string, texts int) (last int) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "HUBBUB_TEST_TYPIST="+dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for n := 0; scanner.Scan(); n++ {
		if last, err = strconv.Atoi(scanner.Text()); err != nil {
			t.Fatalf("the typist says %q", scanner.Text())
		}
		if n == texts {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed
	if errs.Len() > 0 {
		t.Fatalf("the typist: %s", &errs)
	}
	return last
}

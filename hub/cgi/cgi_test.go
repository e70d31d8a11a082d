package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
	"hubbub/hub/lock"
)

// environment is CGI's, from "NAME=value".
func environment(variables ...string) func(string) string {
	return func(name string) string {
		for _, variable := range variables {
			if n, value, _ := strings.Cut(variable, "="); n == name {
				return value
			}
		}
		return ""
	}
}

func TestReadRequest(t *testing.T) {
	post := "REQUEST_METHOD=POST"
	for _, test := range []struct {
		name        string
		environment []string
		in          string
		length      int64
		body        string
		bad         bool
	}{
		{"GET", []string{"REQUEST_METHOD=GET", "QUERY_STRING=keys"}, "", -1, "", false},
		{"POST", []string{post, "CONTENT_LENGTH=5"}, "hello", 5, "hello", false},
		{"more than it says", []string{post, "CONTENT_LENGTH=5"}, "hello, world", 5, "hello", false},
		{"less than it says", []string{post, "CONTENT_LENGTH=50"}, "hello", 50, "hello", false},
		{"no length", []string{post}, "hello", -1, "", false},
		{"empty length", []string{post, "CONTENT_LENGTH="}, "hello", -1, "", false},
		{"chunked", []string{post, "CONTENT_LENGTH=0", "HTTP_TRANSFER_ENCODING=chunked"}, "", -1, "", false},
		{"too long", []string{post, "CONTENT_LENGTH=1048577"}, "hello", 1048577, "", false},
		{"far too long", []string{post, "CONTENT_LENGTH=9223372036854775807"}, "hello", 1<<63 - 1, "", false},
		{"longer than numbers", []string{post, "CONTENT_LENGTH=9223372036854775808"}, "hello", 0, "", true},
		{"negative", []string{post, "CONTENT_LENGTH=-1"}, "hello", 0, "", true},
		{"two", []string{post, "CONTENT_LENGTH=5, 5"}, "hello", 0, "", true},
	} {
		in := strings.NewReader(test.in)
		r, err := readRequest(environment(test.environment...), in)
		if (err != nil) != test.bad {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if in.Len() != 0 {
			t.Errorf("%s: %d bytes were left unread", test.name, in.Len())
		}
		if test.bad {
			continue
		}
		body, _ := io.ReadAll(r.Body)
		if r.Length != test.length || string(body) != test.body || r.Query != environment(test.environment...)("QUERY_STRING") {
			t.Errorf("%s: %+v, %q", test.name, r, body)
		}
	}
}

// Whatever the variables say, all of the input is taken, no more than a request
// is kept, and the answer is well-formed.
func FuzzReadRequest(f *testing.F) {
	f.Add("POST", "", "application/octet-stream", "5", "", []byte("hello"))
	f.Add("GET", "keys", "", "", "", []byte(nil))
	f.Add("POST", "", "", "99999999999999999999", "chunked", []byte("x"))
	h, err := hub.Open(hub.Config{Data: filepath.Join(f.TempDir(), "data"), Alone: true})
	if err != nil {
		f.Fatal(err)
	}
	defer h.Close()
	f.Fuzz(func(t *testing.T, method, query, contentType, length, encoding string, body []byte) {
		in := bytes.NewReader(body)
		r, err := readRequest(environment("REQUEST_METHOD="+method, "QUERY_STRING="+query, "CONTENT_TYPE="+contentType,
			"CONTENT_LENGTH="+length, "HTTP_TRANSFER_ENCODING="+encoding), in)
		reply := refused(err)
		if err == nil {
			reply = h.Serve(context.Background(), r)
		}
		if in.Len() != 0 {
			t.Errorf("%d bytes were left unread", in.Len())
		}
		var out bytes.Buffer
		if err := writeReply(&out, reply, method); err != nil {
			t.Fatal(err)
		}
		checkResponse(t, out.Bytes(), method)
	})
}

// checkResponse wants a document response of CGI, and returns its status.
func checkResponse(t *testing.T, response []byte, method string) int {
	t.Helper()
	reader := bufio.NewReader(bytes.NewReader(response))
	header, err := textproto.NewReader(reader).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("%v in %.200q", err, response)
	}
	body, _ := io.ReadAll(reader)
	number, phrase, _ := strings.Cut(header.Get("Status"), " ")
	status, err := strconv.Atoi(number)
	if err != nil || phrase == "" {
		t.Errorf("status %q", header.Get("Status"))
	}
	if method != "HEAD" && header.Get("Content-Length") != strconv.Itoa(len(body)) {
		t.Errorf("Content-Length %s for %d bytes", header.Get("Content-Length"), len(body))
	}
	if method == "HEAD" && len(body) > 0 {
		t.Error("a body in answer to HEAD")
	}
	if header.Get("Content-Type") == "" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", header)
	}
	return status
}

// command is hub.cgi's process for a request.
func command(program string, request []byte) *exec.Cmd {
	c := exec.Command(program)
	c.Env = []string{"REQUEST_METHOD=POST", "CONTENT_TYPE=" + wire.ContentType, "CONTENT_LENGTH=" + strconv.Itoa(len(request))}
	c.Stdin = bytes.NewReader(request)
	return c
}

// A process that waits ends when nobody reads its answer any more, and gives
// up its place.
func TestAWaitingProcessEndsWithItsClient(t *testing.T) {
	s := newStage(t)
	s.fetch()
	args := s.head
	args.Wait = wire.MaxWait.Milliseconds()
	newest, err := s.client.As(s, "alice").Fetch(s.lounge, s.head)
	if err != nil {
		t.Fatal(err)
	}
	last := newest.Entries[len(newest.Entries)-1]
	args.After, args.ID = last.Position, entryID(last.Bytes)
	waiting := command(s.program, s.seal(s.client.As(s, "alice").Sign(wire.OpFetch, s.lounge, args)))
	out, err := waiting.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	place := s.untilHeld()
	begin := time.Now()
	out.Close()
	if err := waiting.Wait(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > wire.MaxWait/2 {
		t.Errorf("it took %s to notice", took)
	}
	release, free, err := lock.Try(place)
	if err != nil || !free {
		t.Fatal("its place is not free", err)
	}
	release()
}

// A process that is killed while it waits frees its place too, and the next
// one finds everything in order.
func TestAKilledProcessFreesItsPlace(t *testing.T) {
	s := newStage(t)
	waiting := command(s.program, s.seal(s.client.As(s, "alice").Sign(wire.OpFetch, s.lounge,
		wire.FetchArgs{Limit: 1, Wait: wire.MaxWait.Milliseconds()})))
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	place := s.untilHeld()
	if err := waiting.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var killed *exec.ExitError
	if err := waiting.Wait(); !errors.As(err, &killed) {
		t.Fatal(err)
	}
	release, free, err := lock.Try(place)
	if err != nil || !free {
		t.Fatal("its place is not free", err)
	}
	release()
	if _, err := s.client.As(s, "alice").Put(s.lounge, "hello"); err != nil {
		t.Fatal(err)
	}
}

// untilHeld waits until a process holds the first place to wait, and returns
// its file.
func (s *stage) untilHeld() string {
	s.Helper()
	places, _ := filepath.Glob(filepath.Join(filepath.Dir(s.program), "hub-data-*"))
	place := filepath.Join(places[0], "held", "0")
	for over := time.Now().Add(20 * time.Second); time.Now().Before(over); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(place); err != nil {
			continue
		}
		release, free, err := lock.Try(place)
		if err == nil && !free {
			return place
		}
		if free {
			release()
		}
	}
	s.Fatal("no process waits")
	return ""
}

// The processes after one that lost the database know the hub's owner still.
func TestTheOwnerOutlivesTheDatabase(t *testing.T) {
	s := newStage(t)
	folders, _ := filepath.Glob(filepath.Join(filepath.Dir(s.program), "hub-data-*"))
	lost, _ := filepath.Glob(filepath.Join(folders[0], "hub.db*"))
	if len(lost) < 2 {
		t.Fatal(lost)
	}
	for _, path := range lost {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.client.As(t, "alice").Put(s.lounge, "lost"); !hubtest.IsCode(err, wire.CodeUnknown) {
		t.Error(err)
	}
	if err := s.client.As(t, "mallory").Open(s.lounge, "mallory"); !hubtest.IsCode(err, wire.CodeDenied) {
		t.Error(err)
	}
	if err := s.client.As(t, "owner").Open(s.lounge, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.As(t, "alice").Put(s.lounge, "hello again"); err != nil {
		t.Error(err)
	}
}

// Where the hub cannot have a data folder it says so to its owner's log, and
// nothing of it to a stranger.
func TestNoFolderNoPath(t *testing.T) {
	s := newStage(t)
	folder := t.TempDir()
	program := filepath.Join(folder, "hub.cgi")
	if err := os.Link(s.program, program); err != nil {
		t.Fatal(err)
	}
	for _, conf := range []string{"data = \"hub.cgi\"\n", "data = 3\n", "data = \"hub.cgi/below\"\n"} {
		if err := os.WriteFile(filepath.Join(folder, "hub.conf"), []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		c := command(program, []byte("noise"))
		var out, log bytes.Buffer
		c.Stdout, c.Stderr = &out, &log
		if err := c.Run(); err != nil {
			t.Error(err)
		}
		if status := checkResponse(t, out.Bytes(), "POST"); status != wire.StatusFailed || strings.Contains(out.String(), folder) {
			t.Errorf("%s: status %d:\n%s", conf, status, &out)
		}
		if !strings.Contains(log.String(), "hub.c") {
			t.Errorf("%s: the log says %q", conf, &log)
		}
	}
}

// Somebody who starts it by hand is told what it is.
func TestByHand(t *testing.T) {
	s := newStage(t)
	c := exec.Command(s.program)
	c.Env = []string{}
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "docs/hub.md") {
		t.Errorf("%v, %s", err, out)
	}
	out, err = exec.Command(s.program, "-version").Output()
	if err != nil || strings.TrimSpace(string(out)) != hub.Software {
		t.Errorf("%v, %s", err, out)
	}
}

package hub

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hubbub/hub/lock"
)

// checks looks at all that a hosting can have wrong and a hub still runs on.
func (s *Site) checks(set setUp) []Check {
	list := []Check{s.dataCheck(set)}
	list = append(list, s.programChecks()...)
	for _, check := range []func(setUp) (Check, bool){journalCheck, memoryCheck, processCheck, roomCheck, clockCheck, bellCheck} {
		if c, any := check(set); any {
			list = append(list, c)
		}
	}
	return append(list, Check{State: CheckTry, Link: "?" + longQuery, What: "Whether the hosting lets a request wait for " + seconds(set.hub.config.Wait) + ", only you can see.",
		Do: "The answer should come after that time, as a page. If there is an error before, put the line {wait = 10} (or less) into {hub.conf}, beside the program, and try again."})
}

// dataCheck says where the data is, and who can have it.
func (s *Site) dataCheck(set setUp) Check {
	mode := fs.FileMode(0)
	if info, err := os.Stat(set.config.Data); err == nil {
		mode = info.Mode().Perm()
	}
	where := strings.TrimPrefix(s.where(set), "the ")
	switch x := set.exposure; {
	case mode&0o077 != 0:
		return note("The data is in the "+where+", and others on this machine can read it.", "File Manager → that folder → Permissions → 700.")
	case x.Verdict == outside:
		return fine("The data is in the " + where + ", where no web request leads.")
	case x.Verdict == denied:
		return fine("The data is in the " + where + ". The hub has asked the web server for a file in a folder like it, and did not get it.")
	default:
		return note("The data is in the "+where+". The hub could not ask the web server whether it hands out files of it: "+x.Why+".",
			"Your browser has tried just now: where this page does not turn red, all is well. Your gateway tries again before it gives the hub its key. "+
				"To be sure, name a folder above {public_html} in {hub.conf}: {data = \"../hub-data\"}.")
	}
}

// programChecks look at the program and its folder: whoever can write to them
// can put another program there.
func (s *Site) programChecks() []Check {
	program, err := os.Executable()
	if err != nil || filepath.Dir(program) != s.program {
		program = filepath.Join(s.program, "hub.cgi")
	}
	var list []Check
	ok := true
	for _, path := range []string{program, s.program} {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		name := "{" + filepath.Base(path) + "}"
		if info.IsDir() {
			name = "The folder that the program is in"
		}
		if mode := info.Mode().Perm(); mode&0o022 != 0 {
			ok = false
			list = append(list, note(fmt.Sprintf("%s can be changed by others on this machine (its permissions are %03o).", name, mode),
				"File Manager → select it → Permissions → 755. Many hostings run no program otherwise (error 500)."))
		}
	}
	if info, err := os.Stat(program); err == nil && userOf(info) != os.Geteuid() && os.Geteuid() >= 0 {
		ok = false
		list = append(list, note("The hub runs as another user than the one that it belongs to, most likely as the web server’s: other customers’ programs may run as the same one, and could read its data. "+
			"They find sealed envelopes, and the key that makes them owners of the hub.",
			"Ask your hosting for CGI as your own user (suEXEC, or “CGI under your account”). On a server of your own it does no harm."))
	}
	if ok {
		list = append(list, fine("The program is yours, runs as you, and nobody else can change it."))
	}
	return list
}

// journalCheck opens the database, as the first request would, and so finds out
// which journal it can have here.
func journalCheck(set setUp) (Check, bool) {
	journal, err := set.hub.Journal()
	switch {
	case err != nil:
		return stopCheck(folderTrouble(set.config.Data, err)), true
	case journal == "wal":
		return fine("The database works, with a write-ahead log."), true
	}
	return fine("The database works, with a rollback journal, since processes here share no memory. That is a little slower."), true
}

// What a Go program wants, which it hardly uses. It starts with somewhat less.
const (
	wantedSpace = 800 << 20 // of addresses
	wantedData  = 128 << 20 // of what may be written to
)

// memoryCheck looks at the limits of a process.
func memoryCheck(setUp) (Check, bool) {
	const cure = "Ask your hosting for more (in its words: virtual memory, RLimitMEM, in CloudLinux VMEM)."
	if most, ok := addressSpace(); ok && most < wantedSpace {
		return note(fmt.Sprintf("A program may have only %d MB of address space here. The hub wants %d MB, of which it uses 15: it may fail now and then.", most>>20, wantedSpace>>20), cure), true
	}
	if most, ok := dataSpace(); ok && most < wantedData {
		return note(fmt.Sprintf("A program may have only %d MB of memory here. The hub uses 15, but wants room for %d: it may fail now and then.", most>>20, wantedData>>20), cure), true
	}
	return fine("There is address space enough."), true
}

// processCheck compares how many processes there may be with how many requests
// may wait.
func processCheck(set setUp) (Check, bool) {
	most, ok := processes()
	held := uint64(max(0, set.hub.config.Held))
	if !ok || most >= held+12 {
		return Check{}, false
	}
	return note(fmt.Sprintf("The hosting lets you have %d processes at once, and up to %d of them may be requests that wait for news.", most, held),
		fmt.Sprintf("Put the line {held = %d} into {hub.conf}, beside the program.", max(1, most/4))), true
}

// roomLow is how much free disk a hub of a few people should have.
const roomLow = 300 << 20

// roomCheck looks at the disk. A quota shows only when it is spent.
func roomCheck(set setUp) (Check, bool) {
	free, ok := freeRoom(set.config.Data)
	if !ok || free >= roomLow {
		return Check{}, false
	}
	return note(fmt.Sprintf("The disk has only %d MB left.", free>>20),
		fmt.Sprintf("Have the hub keep less: the line {total_mib = %d} in {hub.conf}, beside the program. Or look at Disk Usage in your hosting’s panel.", max(1, free>>21))), true
}

// clockOff is how far two clocks on one machine may differ.
const clockOff = 2 * time.Minute

// clockCheck compares the hub's clock with the one that the file system writes
// into what was just written, and with when the hub's keys were made. Whether both
// are right the reader sees.
func clockCheck(set setUp) (Check, bool) {
	now := set.hub.Now()
	off := time.Duration(0)
	trial := filepath.Join(set.config.Data, "clock")
	if err := os.WriteFile(trial, []byte("?"), 0o600); err == nil {
		if info, err := os.Stat(trial); err == nil {
			off = info.ModTime().Sub(now).Abs()
		}
		_ = os.Remove(trial)
	}
	shown := now.UTC().Format("Mon 2 Jan 2006 15:04 MST")
	switch newest := time.Unix(set.hub.keys.newest(), 0); {
	case newest.Sub(now) > clockOff:
		return note("The machine’s clock went back: it is "+shown+" now, and the hub has a key that was made on "+newest.UTC().Format("Mon 2 Jan 2006")+".", "Tell your hosting."), true
	case off > clockOff:
		return note("The machine’s clock and that of its disk differ by "+off.Round(time.Minute).String()+".", "Tell your hosting."), true
	}
	return fine("The machine’s clock says " + shown + ". Up to an hour off does no harm, and gateways find out about more by themselves."), true
}

// bellCheck tries what wakes a request that waits.
func bellCheck(set setUp) (Check, bool) {
	_, stop, err := set.hub.bell.listen()
	defer stop()
	if every := set.hub.bell.every(); err != nil || every < time.Second {
		return fine("Requests that wait look for news four times a second, since the system does not tell them."), true
	}
	return fine("Requests that wait are woken as soon as there is news."), true
}

// longPause is how long after one long request the next may begin.
const longPause = 40 * time.Second

// tryLong lets one long request run at a time, and none right after another, so
// that strangers use up no more than one process.
func tryLong(data string) (release func(), ok bool, err error) {
	path := filepath.Join(data, "long-lock")
	release, ok, err = lock.Try(path)
	if err != nil || !ok {
		return nil, false, err
	}
	if last, err := os.ReadFile(path); err == nil && len(last) > 0 {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()).Abs() < longPause {
			release()
			return nil, false, nil
		}
	}
	return release, true, os.WriteFile(path, []byte("!"), 0o600)
}

// seconds is a time in words.
func seconds(d time.Duration) string { return fmt.Sprintf("%d seconds", int(d.Seconds())) }

// newest is when the newest of the hub's keys was made, unix seconds.
func (k *keyring) newest() (made int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.file.Keys {
		made = max(made, key.Made)
	}
	return made
}

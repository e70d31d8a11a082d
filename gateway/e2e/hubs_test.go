//go:build linux

package e2e

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"hubbub/hub/hubtest"
)

// hub is a running hub that belongs to nobody yet.
type hub struct {
	*hubtest.Running
	program string // what its processes run
}

// startCGI starts hub.cgi under Apache. As root, which needs CI=true, it is on
// another user's web space, under mod_cgid and suexec.
func startCGI(t testing.TB) *hub {
	t.Helper()
	r := hubtest.StartApache(t)
	h := &hub{r, filepath.Join(r.Web, "hub.cgi")}
	// What still waits for an entry would keep Apache from ending.
	t.Cleanup(func() { h.kill(h.processes()) })
	return h
}

// startHubd starts hubd over HTTP.
func startHubd(t testing.TB) *hub {
	t.Helper()
	return &hub{Running: hubtest.StartHubd(t)}
}

// startFcgid starts hubd under Apache's mod_fcgid.
func startFcgid(t testing.TB) *hub {
	t.Helper()
	return &hub{Running: hubtest.StartApacheFcgid(t)}
}

// startProxyFcgi starts hubd as a FastCGI server behind Apache's mod_proxy_fcgi.
func startProxyFcgi(t testing.TB) *hub {
	t.Helper()
	return &hub{Running: hubtest.StartApacheProxyFcgi(t)}
}

// addHub makes the hub the user's own, as its page says.
func addHub(k *talker, h *hub) {
	k.t.Helper()
	k.Say("sysop", "hub add "+h.URL+" "+h.Claim(k.t).String())
	k.SysopSays("is ready. It is yours")
}

// Kill kills one of the hub's processes, or all, and says how many. If none is
// there, it waits a little for one.
func (h *hub) Kill(rng *rand.Rand) int {
	all := rng.IntN(2) == 0
	for range 200 {
		pids := h.processes()
		if len(pids) > 1 && !all {
			one := rng.IntN(len(pids))
			pids = pids[one : one+1]
		}
		if n := h.kill(pids); n > 0 {
			return n
		}
		time.Sleep(time.Millisecond)
	}
	return 0
}

// Destroy ends the hub for ever and at once: its web server, its processes and
// its files.
func (h *hub) Destroy(t testing.TB) {
	t.Helper()
	h.end(t)
	var err error
	await(t, "the hub's files to be gone", func() bool {
		h.kill(h.processes()) // one that had just begun writes on
		err = os.RemoveAll(h.Data)
		return err == nil
	}, func() string { return err.Error() })
}

// end ends the hub's web server and its processes, and leaves its files.
func (h *hub) end(t testing.TB) {
	t.Helper()
	servers := h.servers()
	if len(servers) == 0 {
		t.Fatalf("no server of %s runs", h.URL)
	}
	h.kill(servers)
	await(t, "the hub to be gone", func() bool {
		h.kill(h.processes())
		return len(h.servers())+len(h.processes()) == 0
	}, func() string { return h.URL })
}

// servers finds the web server's processes: all of them name its configuration.
func (h *hub) servers() []int {
	var pids []int
	home := filepath.Dir(h.ErrorLog) + "/"
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		line, err := os.ReadFile(dir + "/cmdline")
		if err == nil && h.ErrorLog != "" && bytes.Contains(line, []byte(home)) {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			pids = append(pids, pid)
		}
	}
	return pids
}

func (h *hub) kill(pids []int) int {
	killed := 0
	for _, pid := range pids {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// processes finds who runs the hub's program.
func (h *hub) processes() []int {
	var pids []int
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		if exe, err := os.Readlink(dir + "/exe"); err == nil && exe == h.program {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			pids = append(pids, pid)
		}
	}
	return pids
}

// Contents are the bytes of all files in the hub's data folder, and their names.
func (h *hub) Contents(t testing.TB) (all []byte, names []string) {
	t.Helper()
	var b bytes.Buffer
	err := filepath.WalkDir(h.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(h.Data, path)
		names = append(names, name)
		b.WriteString(name + "\n")
		b.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), names
}

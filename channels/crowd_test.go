package channels_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"hubbub/channels"
)

// roomy makes a world that is the same each time, and whose phonebooks do not wait
// for a disk.
func roomy(t *testing.T) *world {
	t.Helper()
	w := begin(t)
	if dir, err := os.MkdirTemp("/dev/shm", "hubbub-crowd-"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		w.dir = dir
	}
	return w
}

// crowd are n people in one channel, "#c" to all of them, on the first one's hub.
// They come in while hardly anybody is there: else each would be given each one's
// key by itself.
func (w *world) crowd(n int) []*person {
	w.t.Helper()
	people := []*person{w.person("alice")}
	founder := people[0]
	founder.owns(w.hub("attic"), false)
	founder.do(channels.Join{Ref: 2, Channel: "#c"})
	var keys []string
	for i := 1; i < n; i++ {
		p := w.person(crowdNick(i))
		people = append(people, p)
		p.stop()
		keys = append(keys, founder.invites("#c"))
	}
	founder.stop()
	for i, p := range people[1:] {
		p.start()
		p.redeems("#c", keys[i])
		p.stop()
	}
	for _, p := range people {
		p.start()
	}
	w.run(30 * time.Second)
	for _, p := range people {
		if v, _ := p.core.Channel("#c"); v.Waiting || len(v.Members) != n {
			w.t.Fatalf("%s waits, or knows %d members of %d", p.name, len(v.Members), n)
		}
	}
	return people
}

func crowdNick(i int) string {
	names := []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"}
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("m%02d", i)
}

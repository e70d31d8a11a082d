package channels_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// TestAMessagesLength: how long the envelope of a text is depends on the text alone,
// and not on how many are in the channel or what they have said. For fifty members
// TestBigChannelsAreCheap shows it of short ones.
func TestAMessagesLength(t *testing.T) {
	long(t)
	sizes := []int{2, 20}
	texts := []string{"hi"}
	for _, n := range []int{60, 550, 700, 3000, session.MaxText} {
		texts = append(texts, strings.Repeat("x", n))
	}
	lengths := map[string][]int{}
	for _, n := range sizes {
		w := roomy(t)
		w.hold = time.Hour
		people := w.crowd(n)
		for i, text := range texts {
			w.talk(people[1:min(n, 10)], "and so on", 9, 100*time.Millisecond) // heads that are to be told
			people[0].says("#c", text)
			w.run(time.Second)
			id := people[0].core.Blobs("SELECT bytes FROM entries WHERE state = 'own' AND boxes = 0 AND class = 'text' ORDER BY id DESC LIMIT 1")
			name := fmt.Sprintf("%d bytes", len(texts[i]))
			lengths[name] = append(lengths[name], len(id[0]))
		}
		for _, p := range people {
			p.stop()
		}
	}
	for name, l := range lengths {
		if slices.Min(l) != slices.Max(l) {
			t.Errorf("a text of %s has envelopes of %d bytes where %d are", name, l, sizes)
		}
	}
	if l := lengths["550 bytes"]; l[0] != 1024 {
		t.Errorf("a text of 550 bytes has one of %d", l[0])
	}
}

// price is what something has cost: bytes put on a hub, by whom it was about and by
// all others together, and how long their cores have worked on it.
type price struct {
	own, others         int
	ownTime, othersTime time.Duration
	each                time.Duration // of the others, the median
}

// costs is what it costs that somebody does something, until it is done with: in time of
// the processor, without the disk.
func (w *world) costs(p *person, do func(), rest time.Duration) price {
	type before struct {
		made  int
		spent time.Duration
	}
	was := map[*person]before{}
	for _, q := range w.people {
		was[q] = before{len(q.made), q.spent}
	}
	do()
	w.run(rest)
	var c price
	var each []time.Duration
	for _, q := range w.people {
		bytes, took := putBy(q.made[was[q].made:]), q.spent-was[q].spent
		if q == p {
			c.own, c.ownTime = c.own+bytes, took
			continue
		}
		c.others, c.othersTime, each = c.others+bytes, c.othersTime+took, append(each, took)
	}
	if slices.Sort(each); len(each) > 0 {
		c.each = each[len(each)/2]
	}
	return c
}

// putBy is how many bytes of entries and blobs a hub was given.
func putBy(requests []channels.Request) (n int) {
	for _, r := range requests {
		for _, c := range r.Calls {
			for _, e := range entriesOf(c) {
				n += len(e)
			}
			var offer wire.OfferArgs
			if args, ok := c.Args.(codec.Raw); ok && c.Op == wire.OpOffer && codec.Unmarshal(args, &offer) == nil {
				n += len(offer.Blob)
			}
		}
	}
	return n
}

// tableRow is a row of the table in docs/protocol.md.
type tableRow struct {
	n                                  int
	message, key, invite, join, remove price
}

// BenchmarkGroup makes the table in docs/protocol.md, section 25: what a message and
// all that changes the members costs in channels of 2 to 50.
//
//	go test ./channels -run XXX -bench Group -benchtime 1x
func BenchmarkGroup(b *testing.B) {
	var rows []tableRow
	for _, n := range []int{2, 5, 10, 20, 50} {
		b.Run(fmt.Sprint("members=", n), func(b *testing.B) {
			for range b.N {
				row := measure(b, n)
				if b.N == 1 {
					rows = append(rows, row)
				}
				b.ReportMetric(float64(row.message.own), "B/message")
				b.ReportMetric(float64(row.key.own), "B/key")
				b.ReportMetric(float64(row.invite.own), "B/invite")
				b.ReportMetric(float64(row.join.own+row.join.others), "B/join")
				b.ReportMetric(float64(row.remove.own), "B/removal")
			}
		})
	}
	table := "\n| members | a message | each reader | a key envelope | each reader | an invite | a join: the joiner | all others | each | a removal |\n|---|---|---|---|---|---|---|---|---|---|\n"
	for _, r := range rows {
		table += fmt.Sprintf("| %d | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.n,
			costing(r.message.own, r.message.ownTime), ms(r.message.each), costing(r.key.own, r.key.ownTime), ms(r.key.each),
			costing(r.invite.own, r.invite.ownTime), costing(r.join.own, r.join.ownTime), costing(r.join.others, r.join.othersTime), ms(r.join.each),
			costing(r.remove.own, r.remove.ownTime))
	}
	fmt.Print(table)
}

func costing(bytes int, took time.Duration) string {
	return fmt.Sprintf("%s B, %s", thousands(bytes), ms(took))
}

func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

// measure is a row: what each thing costs that is said or done in a channel of n.
func measure(b *testing.B, n int) tableRow {
	w := newWorld(b)
	w.options.Quick = true // what the disk adds is BenchmarkSend's to say
	if dir, err := os.MkdirTemp("/dev/shm", "hubbub-table-"); err == nil {
		b.Cleanup(func() { os.RemoveAll(dir) })
		w.dir = dir
	}
	w.hold = time.Hour
	people := w.crowd(n)
	founder := people[0]
	w.talk(people, "hello", n, 2*time.Second)
	w.run(2 * time.Minute)
	founder.says("#c", "so that there is a key")
	w.run(10 * time.Second)
	row := tableRow{n: n}
	row.message = w.median(founder, 9, func() { founder.says("#c", "a message, as long as they mostly are") }, 5*time.Second)
	row.key = w.median(founder, 3, func() { founder.restart(); founder.says("#c", "under a new key") }, 5*time.Second)
	row.key.own -= row.message.own
	var invites, joins, removals []price
	last := people[n-1]
	founder.removes("#c", last.name)
	for i := range 3 { // the last is somebody else each time
		last.stop()
		w.people = slices.DeleteFunc(w.people, func(p *person) bool { return p == last })
		w.run(2 * time.Hour) // all start sender keys without him
		name, key := fmt.Sprint("guest", i), ""
		invites = append(invites, w.costs(founder, func() { key = founder.invites("#c") }, 5*time.Second))
		guest := w.person(name)
		joins = append(joins, w.costs(guest, func() {
			guest.redeems("#c", key)
			w.run(time.Minute)
			guest.says("#c", "hello") // and with it his own key, for all
		}, 2*time.Minute))
		joins[i].own -= row.message.own
		founder.says("#c", "hello, "+name)
		w.run(2 * time.Minute)
		removals = append(removals, w.costs(founder, func() { founder.removes("#c", name); founder.says("#c", "so, where were we?") }, 10*time.Second))
		last = guest
	}
	last.stop()
	w.people = slices.DeleteFunc(w.people, func(p *person) bool { return p == last })
	row.invite, row.join, row.remove = middle(invites), middle(joins), middle(removals)
	if n > 2 { // else there is nobody whom to say it to
		row.remove.own -= row.message.own
	}
	for _, p := range w.people {
		p.stop()
	}
	return row
}

// median does the same several times.
func (w *world) median(p *person, times int, do func(), rest time.Duration) price {
	var all []price
	for range times {
		all = append(all, w.costs(p, do, rest))
	}
	return middle(all)
}

func middle(all []price) price {
	slices.SortFunc(all, func(a, b price) int { return int(a.ownTime - b.ownTime) })
	return all[len(all)/2]
}

// TestRemovalsAreSpread: when somebody is removed from a channel in which nobody says
// anything, the others start their new sender keys in the course of an hour, and not
// all at once; and each starts one.
func TestRemovalsAreSpread(t *testing.T) {
	long(t)
	w := roomy(t)
	w.hold = time.Hour
	const n = 16
	people := w.crowd(n)
	w.talk(people, "hello", n, 20*time.Second)
	w.run(3 * time.Hour)
	before := int64(0)
	started := func() (all int64) {
		for _, p := range people[:n-1] {
			all += keyEnvelopes(p)
		}
		all, before = all-before, all
		return all
	}
	started()
	people[0].removes("#c", people[n-1].name)
	w.run(2 * time.Minute)
	if at := started(); at > n/2 {
		t.Errorf("%d of %d start a new sender key in the two minutes after a removal", at, n-1)
	}
	w.run(2 * time.Hour)
	if later := started(); later < n/2 || later > n-1 {
		t.Errorf("%d of %d start one in the two hours after", later, n-1)
	}
	people[3].says("#c", "so he is gone")
	w.run(10 * time.Second)
	for _, p := range people[:n-1] {
		if l := p.lines("#c"); l[len(l)-1] != people[3].name+": so he is gone" {
			t.Errorf("%s saw %q", p.name, l[len(l)-1])
		}
	}
}

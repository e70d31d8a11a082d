package channels_test

import (
	"slices"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// bench is alice with bob in a channel, at rest.
func bench(b *testing.B) (w *world, alice, bob *person) {
	w = newWorld(b)
	alice, bob = w.two()
	alice.says("#bob", "hello")
	bob.says("#alice", "hello")
	w.run(5 * time.Second)
	return w, alice, bob
}

// BenchmarkSend is a Step with a text that is sealed at once, commit included.
func BenchmarkSend(b *testing.B) {
	w, alice, _ := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := alice.core.Step(channels.Send{Channel: "#bob", Kind: channels.Text, Text: "hello, how are you?"}, w.now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReceive is a Step with a fetch's answer that has one text in it,
// commit included.
func BenchmarkReceive(b *testing.B) {
	w, alice, bob := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		bob.says("#alice", "hello, how are you?")
		var answer *channels.Answered
		w.take = func(p *person, a channels.Answered) bool {
			if p == alice && answer == nil && len(a.Results) == 1 && len(a.Results[0].Value) > wire.MinPad {
				answer = &a
				return true
			}
			return false
		}
		for answer == nil {
			w.run(10 * time.Millisecond)
		}
		b.StartTimer()
		alice.step(*answer)
	}
}

// pendingInTheOutbox is how many envelopes wait for a hub that is dead.
const pendingInTheOutbox = 100_000

// BenchmarkSendPastAFullOutbox is a Send step in a channel with two hubs, of which
// one is dead and still lacks 100,000 envelopes of it. Reported beside is how
// many times as long as the same with little to be put there it takes: the two
// take turns, and the medians are compared.
func BenchmarkSendPastAFullOutbox(b *testing.B) {
	empty, full := newLateSender(b), newLateSender(b)
	full.fill()
	var took [2][]time.Duration
	b.ReportAllocs()
	for b.Loop() {
		for i, s := range []*lateSender{empty, full} {
			took[i] = append(took[i], s.send())
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	median := func(i int) float64 { return float64(took[i][len(took[i])/2].Nanoseconds()) }
	b.ReportMetric(median(0), "ns/empty")
	b.ReportMetric(median(1), "ns/full")
	b.ReportMetric(median(1)/median(0), "full/empty")
}

// lateSender is alice in a channel of which a hub has died.
type lateSender struct {
	b     *testing.B
	w     *world
	alice *person
}

func newLateSender(b *testing.B) *lateSender {
	w := newWorld(b)
	alice, _, _, cellar := w.twoHubs()
	cellar.fall()
	w.run(3 * time.Minute)
	return &lateSender{b, w, alice}
}

// send is how long a Send step takes. What was asked before has been answered:
// each send finds the other hub idle.
func (s *lateSender) send() time.Duration {
	s.w.run(time.Second)
	begin := time.Now()
	out, err := s.alice.core.Step(channels.Send{Channel: "#bob", Kind: channels.Text, Text: "hello, how are you?"}, s.w.now)
	took := time.Since(begin)
	if err != nil || len(out.Requests) == 0 {
		s.b.Fatalf("it is not sent: %v", err)
	}
	s.alice.carryOut(out)
	return took
}

// fill has 100,000 envelopes wait for the dead hub.
func (s *lateSender) fill() {
	s.alice.core.Tamper(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO entries (channel, entry, class, bytes, state, key, boxes, sender, seq, prev, received)
		SELECT channel, randomblob(32), class, randomblob(1024), 'own', randomblob(16), 0, sender, 1000000 + i, prev, ? FROM n, (SELECT * FROM entries WHERE state = 'own' LIMIT 1)`,
		pendingInTheOutbox, s.w.now.UnixNano())
	s.alice.core.Tamper(`INSERT INTO calls (hub, channel, op, entry, made)
		SELECT (SELECT id FROM hubs WHERE url LIKE '%cellar%'), channel, 'put', id, received FROM entries WHERE seq > 1000000`)
	if q := s.alice.core.Queue(); q.Calls < pendingInTheOutbox {
		s.b.Fatalf("only %d wait", q.Calls)
	}
}

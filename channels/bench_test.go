package channels_test

import (
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

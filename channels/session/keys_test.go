package session

import (
	"errors"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// straight gives the message keys of a chain, walked without skipping.
func straight(chain Secret) []Secret {
	keys := make([]Secret, MaxIteration+1)
	for i := range keys {
		keys[i] = messageKey(chain)
		chain = nextChain(chain)
	}
	return keys
}

// In whatever order iterations are asked for, with gaps and repeats, each that
// lies at or after the start gives its own key once and ErrUsed ever after.
func TestChainGivesEachKeyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := Secret(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "chain"))
		keys := straight(first)
		start := rapid.IntRange(0, MaxIteration).Draw(t, "start")
		at := first
		for range start {
			at = nextChain(at)
		}
		chain := NewReceiverChain(Member{1}, KeyID{2}, at, start)
		given := map[int]bool{}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, MaxIteration), 1, 60).Draw(t, "order") {
			before, skipped := chain, maps.Clone(chain.Skipped)
			key, next, err := chain.MessageKey(i)
			if before.Chain != chain.Chain || !maps.Equal(skipped, chain.Skipped) {
				t.Fatalf("iteration %d changed the chain it was asked of", i)
			}
			if i < start || given[i] {
				if !errors.Is(err, ErrUsed) {
					t.Fatalf("iteration %d (start %d, given %v): %v", i, start, given[i], err)
				}
				continue
			}
			if err != nil || key != keys[i] {
				t.Fatalf("iteration %d: %v, or another key", i, err)
			}
			if rapid.Bool().Draw(t, "commit") { // else its signature was wrong: nothing changed
				chain = next
				given[i] = true
			}
			checkChain(t, chain, start, given, keys)
		}
	})
}

// checkChain holds a chain against what was given of it: no key that was given
// can be found in it or derived from it, and every other is there.
func checkChain(t *rapid.T, chain ReceiverChain, start int, given map[int]bool, keys []Secret) {
	for i := range given {
		if i >= chain.Iteration {
			t.Fatalf("iteration %d can be derived again", i)
		}
	}
	for i := start; i < chain.Iteration; i++ {
		if key, ok := chain.Skipped[i]; ok == given[i] || ok && key != keys[i] {
			t.Fatalf("iteration %d: given %v, kept %v", i, given[i], ok)
		}
	}
	for i := range chain.Skipped {
		if i < start || i >= chain.Iteration {
			t.Fatalf("iteration %d is kept as skipped, the chain is at %d", i, chain.Iteration)
		}
	}
}

// Whatever a hub drops, repeats or reorders: each envelope opens at most once,
// and as what was said.
func TestEnvelopesOpenOnce(t *testing.T) {
	alice := newPerson(t, "alice")
	first := alice.chain()
	var envelopes [][]byte
	for i := range 30 {
		envelopes = append(envelopes, alice.seal(t, Text{Text: string(rune('a' + i))}).Envelope)
	}
	rapid.Check(t, func(t *rapid.T) {
		chain, opened := first, map[int]bool{}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(envelopes)-1), 1, 60).Draw(t, "order") {
			envelope := envelopes[i]
			forged := rapid.Bool().Draw(t, "forged")
			if forged {
				envelope = append([]byte(nil), envelope...)
				envelope[len(envelope)-1] ^= 1
			}
			body, next, err := open(envelope, alice.member, chain)
			switch {
			case opened[i]:
				if !errors.Is(err, ErrUsed) {
					t.Fatalf("envelope %d a second time: %v", i, err)
				}
			case forged:
				if !errors.Is(err, ErrSealed) {
					t.Fatalf("envelope %d forged: %v", i, err)
				}
			case err != nil || body.Content.(Text).Text != string(rune('a'+i)):
				t.Fatalf("envelope %d: %v %v", i, body.Content, err)
			default:
				opened[i] = true
			}
			chain = next
		}
	})
}

func TestIterationOutOfRange(t *testing.T) {
	alice := newPerson(t, "alice")
	for _, i := range []int{-1, MaxIteration + 1} {
		if _, _, err := alice.chain().MessageKey(i); !errors.Is(err, ErrMalformed) {
			t.Errorf("iteration %d: %v", i, err)
		}
	}
}

func TestNewKeysDiffer(t *testing.T) {
	a, b := NewSenderKey(), NewSenderKey()
	if a.ID == b.ID || a.Chain == b.Chain || a.Spent() || a.Iteration != 0 {
		t.Error("new sender keys are alike, or spent")
	}
	p, q := must(NewPrekey())(t), must(NewPrekey())(t)
	if p.Seed == q.Seed || p.Public == q.Public {
		t.Error("new prekeys are alike")
	}
	if again := must(PrekeyFromSeed(p.Seed))(t); again.Public != p.Public {
		t.Error("a prekey does not follow from its seed")
	}
	if err := CheckPrekey(&p.Public); err != nil {
		t.Error(err)
	}
}

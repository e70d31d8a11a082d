package wire

import (
	"fmt"
	"testing"

	"hubbub/channels/codec"
)

// sizes are an entry of a short text, the greatest entry, and 15 of those.
var sizes = []struct{ entry, calls int }{{1 << 10, 1}, {MaxEntry, 1}, {MaxEntry, 15}}

func puts(h *aHub, entry, n int) []SignedCall {
	calls := make([]SignedCall, n)
	for i := range calls {
		calls[i] = SignedCall{Op: OpPut, Args: PutArgs{Class: ClassText, Entry: make([]byte, entry)}, Key: h.member}
	}
	return calls
}

func BenchmarkSealRequest(b *testing.B) {
	h := newHub(b)
	for _, s := range sizes {
		calls := puts(h, s.entry, s.calls)
		b.Run(fmt.Sprintf("%dx%d", s.calls, s.entry), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := SealRequest(h.key, h.fingerprint, 1500, calls); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a hub does before it looks at its database: open, verify every call.
func BenchmarkOpenRequest(b *testing.B) {
	h := newHub(b)
	for _, s := range sizes {
		request, _, err := SealRequest(h.key, h.fingerprint, 1500, puts(h, s.entry, s.calls))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%dx%d", s.calls, s.entry), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o, err := OpenRequest(request, h.fingerprint, h.find)
				if err != nil {
					b.Fatal(err)
				}
				for i := range o.Calls {
					if !o.Verify(i) {
						b.Fatal("a call does not verify")
					}
				}
			}
		})
	}
}

// Answers of a few words, and of a full fetch.
func benchmarkResponse(b *testing.B, run func(b *testing.B, o *Opened, x *Exchange, r Response)) {
	h := newHub(b)
	o, x := openCalls(b, h, puts(h, 1<<10, 1))
	for _, n := range []int{100, MaxFetch} {
		value := must[[]byte](b)(codec.Marshal(make([]byte, n)))
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			run(b, o, x, Response{Time: 1500, Results: []Result{{Value: value}}})
		})
	}
}

func BenchmarkSealResponse(b *testing.B) {
	benchmarkResponse(b, func(b *testing.B, o *Opened, _ *Exchange, r Response) {
		for b.Loop() {
			if _, err := o.SealResponse(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenResponse(b *testing.B) {
	benchmarkResponse(b, func(b *testing.B, o *Opened, x *Exchange, r Response) {
		response := must[[]byte](b)(o.SealResponse(r))
		for b.Loop() {
			if _, err := x.OpenResponse(response); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpenHubKeys(b *testing.B) {
	h := newHub(b)
	answer := must[[]byte](b)(SignHubKeys(h.identity, h.keys(1500)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenHubKeys(answer); err != nil {
			b.Fatal(err)
		}
	}
}

package roster

import (
	"fmt"
	"testing"
)

// grown is a channel of 50 members and 2,000 operations, 12 of them removals.
func grown(tb testing.TB) []*Signed {
	s := found(tb, "0")
	for i := 1; i < 50; i++ {
		_, join := s.brings(fmt.Sprint((i-1)/3), fmt.Sprint(i))
		s.does(fmt.Sprint((i-1)/3), Confirm{join})
	}
	for i := 38; i < 50; i++ {
		s.removes("0", fmt.Sprint(i))
	}
	for i := s.set.Len(); i < 2000; i++ {
		s.does(fmt.Sprint(i%38), Topic{fmt.Sprint(i)})
	}
	return s.set.All()
}

func BenchmarkEvaluate(b *testing.B) {
	ops := grown(b)
	s := setOfOps(b, ops)
	for b.Loop() {
		s.graph, s.view = nil, nil
		s.Evaluate()
	}
}

func BenchmarkAdd(b *testing.B) {
	ops := grown(b)
	for b.Loop() {
		setOfOps(b, ops)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ops)), "ns/operation")
}

func BenchmarkParse(b *testing.B) {
	all := kinds(b)
	for _, kind := range []Kind{KindTopic, KindJoin} {
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse(all[kind].Bytes()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

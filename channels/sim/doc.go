// Package sim lives small worlds in virtual time, each drawn from a seed: people
// with the real core, over the real hub, sealed as on the wire, in one goroutine.
// Nearly all goes wrong that can. Then the faults end, and what everybody has is
// held against what docs/protocol.md promises (Invariant). It is for tests, in no
// program:
//
//	go test ./channels/sim -run Sim -seeds 300 -first 1
//	go test ./channels/sim -run Sim -seeds 1 -first 17 -tell
//	go test ./channels/sim -run Mutations -mutations -v
//
// The last builds the house broken in two dozen ways, one after the other, and
// says how many worlds it takes to notice each, and by which invariant.
//
// What is the world's own: the way between gateway and hub (line, letter), and how
// long a hub holds what waits, since a real one waits in real time. A fetch that a
// hub would answer as it did before, because nothing was written there since, is
// answered from memory, unsealed (house.cached). Where less is promised since
// something can't be had any more, World.lossy, talk.lost, talk.deceived and
// seat.orphan say so.
package sim

package session

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
)

// MaxIteration is the last iteration of a sender key.
const MaxIteration = 255

// SenderKey is the sending side of a sender key: each envelope is sealed with
// the message key of Iteration, and the key that Seal returns has moved on by
// one. It must be on disk, moved on, before the envelope leaves.
type SenderKey struct {
	ID        KeyID
	Chain     Secret // the chain key at Iteration; zero once spent
	Iteration int    // of the next envelope; MaxIteration+1 once spent
}

// NewSenderKey draws a sender key at iteration 0. Its first envelope is a key
// envelope.
func NewSenderKey() SenderKey {
	k := SenderKey{Chain: random()}
	rand.Read(k.ID[:])
	return k
}

// Spent reports whether k can seal nothing more: it has sealed iteration
// MaxIteration, or is the zero SenderKey.
func (k SenderKey) Spent() bool {
	return k.Chain == Secret{} || k.Iteration < 0 || k.Iteration > MaxIteration
}

// next is k after its current iteration was used.
func (k SenderKey) next() SenderKey {
	k.Chain, k.Iteration = stepChain(k.Chain, k.Iteration)
	return k
}

// ReceiverChain is the receiving side of a sender key. It is a value: what
// changes returns a new one, and the caller keeps that only once the
// envelope's signature has verified. It is kept per (Sender, ID): two members
// may show the same key id.
type ReceiverChain struct {
	Sender    Member
	ID        KeyID
	Chain     Secret         // the chain key at Iteration; zero once spent
	Iteration int            // the first that Chain gives; MaxIteration+1 once spent
	Skipped   map[int]Secret // message keys before Iteration that were not used yet
}

// NewReceiverChain is the chain that a box opened to: chain is the chain key at
// iteration, 0 to MaxIteration.
func NewReceiverChain(sender Member, id KeyID, chain Secret, iteration int) ReceiverChain {
	return ReceiverChain{Sender: sender, ID: id, Chain: chain, Iteration: iteration}
}

// MessageKey gives the message key of an iteration, and the chain without it:
// keys skipped on the way are in the new chain's Skipped, and the key given is
// nowhere in it. The error is ErrUsed for a key that is not there any more and
// ErrMalformed for an iteration outside 0 to MaxIteration. c is unchanged, its
// map included.
func (c ReceiverChain) MessageKey(iteration int) (Secret, ReceiverChain, error) {
	if iteration < 0 || iteration > MaxIteration {
		return Secret{}, c, fmt.Errorf("iteration %d: %w", iteration, ErrMalformed)
	}
	if iteration < c.Iteration {
		key, ok := c.Skipped[iteration]
		if !ok {
			return Secret{}, c, fmt.Errorf("iteration %d: %w", iteration, ErrUsed)
		}
		next := c
		next.Skipped = maps.Clone(c.Skipped)
		delete(next.Skipped, iteration)
		return key, next, nil
	}
	next := c
	if iteration > c.Iteration {
		next.Skipped = make(map[int]Secret, len(c.Skipped)+iteration-c.Iteration)
		maps.Copy(next.Skipped, c.Skipped)
	}
	for next.Iteration < iteration {
		next.Skipped[next.Iteration] = messageKey(next.Chain)
		next.Chain, next.Iteration = stepChain(next.Chain, next.Iteration)
	}
	key := messageKey(next.Chain)
	next.Chain, next.Iteration = stepChain(next.Chain, next.Iteration)
	return key, next, nil
}

// messageKey is the message key that a chain key gives.
func messageKey(chain Secret) Secret { return derive(chain[:], labelMessage) }

// nextChain is the chain key of the following iteration.
func nextChain(chain Secret) Secret { return derive(chain[:], labelChain) }

// commitment is what an envelope's header shows of its message key.
func commitment(message Secret) Secret { return derive(message[:], labelCommitment) }

// stepChain moves a chain on by one iteration. Behind the last there is no
// chain key.
func stepChain(chain Secret, iteration int) (Secret, int) {
	if iteration >= MaxIteration {
		return Secret{}, MaxIteration + 1
	}
	return nextChain(chain), iteration + 1
}

// OwnKeyID is a key id that its sender can tell from all others, and nobody
// else can: the second half follows from the first and the seed of the member
// key. So a gateway whose phonebook was restored or copied finds in the log
// what it has not written, on nobody's word (docs/protocol.md, section 17).
func OwnKeyID(member Secret, half [8]byte) (id KeyID) {
	mark, err := hkdf.Key(sha256.New, member[:], half[:], labelOwnKeyID, len(id)-len(half))
	if err != nil {
		panic("session: hkdf: " + err.Error()) // only for an output that is too long
	}
	copy(id[:], half[:])
	copy(id[len(half):], mark)
	return id
}

package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

// brokenAs is how a hub fails without being down: it answers itself, or says
// false.
type brokenAs func(l *letter) (channels.Answered, bool)

// breakages are the ways in which hubs fail.
var breakages = map[string]brokenAs{
	"a login page": func(l *letter) (channels.Answered, bool) {
		return l.failure(channels.NotAHub, "it answers with a page"), true
	},
	"another hub": func(l *letter) (channels.Answered, bool) {
		return l.failure(channels.WrongKey, "another hub has taken its place"), true
	},
	"errors": func(l *letter) (channels.Answered, bool) { return l.refused(wire.CodeInternal, nil), true },
	"busy":   func(l *letter) (channels.Answered, bool) { return l.refused(wire.CodeBusy, nil), true },
	"half an answer": func(l *letter) (channels.Answered, bool) {
		if l.p.w.chance(0.5) {
			_, _ = l.way.h.ask(l) // it has done what it was asked
		}
		return l.failure(channels.Unreachable, "the answer broke off"), true
	},
	"read only": func(l *letter) (channels.Answered, bool) {
		writes := slices.ContainsFunc(l.r.Calls, func(c wire.SignedCall) bool {
			return c.Op != wire.OpFetch && c.Op != wire.OpPeek && c.Op != wire.OpStatus
		})
		return l.refused(wire.CodeInternal, func(c wire.SignedCall) bool { return true }), writes
	},
}

// breakageNames are the keys of breakages, in an order.
var breakageNames = []string{"a login page", "another hub", "errors", "busy", "half an answer", "read only"}

// refused is an answer in which calls are refused: those that match, or all.
func (l *letter) refused(code wire.Code, which func(wire.SignedCall) bool) channels.Answered {
	results := make([]wire.Result, len(l.r.Calls))
	for i, c := range l.r.Calls {
		if which == nil || which(c) {
			results[i].Error = &wire.Error{Code: code, Text: "the hub failed"}
		}
	}
	return channels.Answered{Request: l.r.ID, Results: results}
}

// liar is how a hub lies.
type liar struct {
	h       *house
	salt    uint64
	hides   float64 // how many entries it shows nobody, or not to everybody
	apart   bool    // it hides others from each
	drops   float64 // how many puts it says it has taken, and has not
	replays float64 // how often it answers a fetch as it did some time before
	reuses  bool    // it lets slots be redeemed again
	heard   map[fetching]wire.Result
	offers  map[wire.Slot]wire.OfferArgs
}

// drawn is a number from 0 to 1 that is always the same for the same thing.
func (v *liar) drawn(what ...[]byte) float64 {
	sum := sha256.New()
	sum.Write(binary.BigEndian.AppendUint64(nil, v.salt))
	for _, b := range what {
		sum.Write(b)
	}
	return float64(binary.BigEndian.Uint64(sum.Sum(nil))>>11) / (1 << 53)
}

// tell changes what the hub answers, and says whether it did so.
func (v *liar) tell(l *letter, results []wire.Result) (told []wire.Result, lied bool) {
	told = slices.Clone(results)
	for i, c := range l.r.Calls {
		args, ok := c.Args.(wire.FetchArgs)
		var f wire.FetchResult
		if !ok || told[i].Error != nil || codec.Unmarshal(told[i].Value, &f) != nil {
			continue
		}
		key := fetchingOf(c, args)
		key.after, key.id = 0, wire.EntryID{}
		if old, ok := v.heard[key]; ok && v.h.w.chance(v.replays) {
			told[i], lied = old, true
			continue
		}
		if len(f.Entries) > 0 {
			v.heard[key] = told[i]
		}
		shown := slices.DeleteFunc(slices.Clone(f.Entries), func(e wire.Entry) bool {
			id := sha256.Sum256(e.Bytes)
			if v.apart {
				return v.drawn(id[:], c.Key.Public().(publicKey)) < v.hides
			}
			return v.drawn(id[:]) < v.hides
		})
		if len(shown) == len(f.Entries) {
			continue
		}
		f.Entries, lied = shown, true
		value, err := codec.Marshal(f)
		v.h.w.must(err)
		told[i] = wire.Result{Value: value}
	}
	if lied {
		v.h.lies++
		v.h.w.tell("    %s lies to %s", v.h.name, l.p.name)
	}
	return told, lied
}

// drop takes the puts out of calls which the hub will say it has taken, and says
// at which places they were.
func (v *liar) drop(l *letter) (kept []wire.SignedCall, dropped []int) {
	for i, c := range l.r.Calls {
		if put, ok := c.Args.(wire.PutArgs); ok && !put.Again {
			if id := sha256.Sum256(put.Entry); v.drawn(id[:], []byte("put")) < v.drops {
				v.h.w.stored[id] = true // as far as anybody can know
				v.h.dropped[id] = true
				v.h.w.tell("    %s drops %x of %s's", v.h.name, id[:3], l.p.name)
				v.h.lies++
				dropped = append(dropped, i)
				continue
			}
		}
		kept = append(kept, c)
	}
	return kept, dropped
}

// exchange has the hub answer, but for what it drops.
func (v *liar) exchange(l *letter) ([]wire.Result, error) {
	v.reopen(l)
	kept, dropped := v.drop(l)
	var results []wire.Result
	if len(kept) > 0 {
		var err error
		if results, err = v.h.exchange(l.way.seconds, l.way.correct, kept); err != nil {
			return nil, err
		}
	}
	value, err := codec.Marshal(wire.PutResult{Position: v.h.w.now.UnixMicro(), New: true})
	v.h.w.must(err)
	for _, i := range dropped {
		results = slices.Insert(results, i, wire.Result{Value: value})
	}
	return results, nil
}

// reopen makes a slot that was redeemed good again for another.
func (v *liar) reopen(l *letter) {
	for _, c := range l.r.Calls {
		var offer wire.OfferArgs
		var peek wire.PeekArgs
		var redeem wire.RedeemArgs
		raw, err := codec.Marshal(c.Args)
		v.h.w.must(err)
		switch {
		case !v.reuses:
		case c.Op == wire.OpOffer && codec.Unmarshal(raw, &offer) == nil:
			v.offers[offer.Slot] = offer
		case c.Op == wire.OpPeek && codec.Unmarshal(raw, &peek) == nil:
			v.renew(peek.Slot)
		case c.Op == wire.OpRedeem && codec.Unmarshal(raw, &redeem) == nil && redeem.Token != (wire.Token{}):
			v.renew(redeem.Slot)
		}
	}
}

// renew changes the hub's database behind its back.
func (v *liar) renew(slot wire.Slot) {
	offer, ok := v.offers[slot]
	if !ok {
		return
	}
	v.h.again(func() error {
		return changeData(v.h.data, `UPDATE slots SET state = 0, token = NULL, joined = NULL, positions = NULL, blob = ? WHERE slot = ? AND state <> 0`,
			offer.Blob, slot[:])
	})
	v.h.lies++
}

// newLiar draws how a hub lies.
func newLiar(h *house) *liar {
	w := h.w
	v := &liar{h: h, salt: w.rng.Uint64(), heard: map[fetching]wire.Result{}, offers: map[wire.Slot]wire.OfferArgs{}}
	for v.hides+v.drops+v.replays == 0 && !v.reuses {
		if w.chance(0.4) {
			v.hides, v.apart = 0.4*w.rng.Float64(), w.chance(0.5)
		}
		if w.chance(0.3) {
			v.drops = 0.4 * w.rng.Float64()
		}
		if w.chance(0.3) {
			v.replays = 0.3 * w.rng.Float64()
		}
		v.reuses = w.chance(0.15)
	}
	return v
}

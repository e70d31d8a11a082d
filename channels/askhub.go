package channels

import (
	"slices"

	"hubbub/channels/wire"
)

// askHub asks a hub something on the user's account there. Nothing of it is in the
// phonebook: who asks hears what came of it, or asks again.
func (s *step) askHub(in AskHub) {
	h, ok := first(s.book, readHub, selectHubs+"WHERE fingerprint = ?", in.Hub[:])
	switch {
	case !ok || h.account == nil:
		s.fail(in.Ref, "", CodeNoHub, "you have no account on that hub: /msg sysop hub list, and hub add for a new one")
		return
	case !h.claimed:
		s.fail(in.Ref, "", CodeNoHub, "%s has not taken your key yet: say it again when /msg sysop hub list shows it as yours", h.address.URL)
		return
	}
	s.memory.asks = append(slices.Clip(s.memory.asks), ask{hub: h.row, in: in})
	s.nextAsk(h)
}

// ask is what a hub is to be asked on the user's account.
type ask struct {
	hub int64
	in  AskHub
}

// nextAsk asks a hub the first thing that it is to be asked: one at a time, for a hub
// takes none of an owner's calls that was made before one which it has taken.
func (s *step) nextAsk(h hub) {
	for _, f := range s.memory.flights {
		if f.kind == flightAsk && f.hub == h.row {
			return
		}
	}
	i := slices.IndexFunc(s.memory.asks, func(a ask) bool { return a.hub == h.row })
	if i < 0 {
		return
	}
	in := s.memory.asks[i].in
	s.memory.asks = slices.Delete(slices.Clone(s.memory.asks), i, i+1)
	call := wire.SignedCall{Op: in.Op, Args: in.Args, Key: h.account}
	s.request(h, &flight{hub: h.row, line: line{hub: h.row}, kind: flightAsk, sent: s.now, ask: in}, []wire.SignedCall{call}, 0)
}

// asked takes what the hub answers.
func (s *step) asked(f *flight, result wire.Result) {
	h, ok := s.hub(f.hub)
	if !ok || h.account == nil {
		s.fail(f.ask.Ref, "", CodeNoHub, "you have no account on that hub any more")
		s.notAsked(f.hub, "you have no account on that hub any more")
		return
	}
	s.noteAsked(f, f.ask.Op, f.ask.Args, result)
	s.emit(HubSaid{Ref: f.ask.Ref, Hub: h.address, Result: result})
	s.nextAsk(h)
}

// unasked takes that it does not answer, and asks it nothing else either.
func (s *step) unasked(f *flight, why HubFailure) {
	text := f.url + ": " + cleanLine(why.Text)
	s.fail(f.ask.Ref, "", CodeHub, "%s", text)
	s.notAsked(f.hub, text)
}

// notAsked answers for all that a hub was yet to be asked.
func (s *step) notAsked(hub int64, why string) {
	rest := slices.Clone(s.memory.asks)
	for _, a := range rest {
		if a.hub == hub {
			s.fail(a.in.Ref, "", CodeHub, "%s", why)
		}
	}
	s.memory.asks = slices.DeleteFunc(rest, func(a ask) bool { return a.hub == hub })
}

// Decode reads the op's result struct into v. A refusal is a *wire.Error; any other
// error is an answer that makes no sense.
func (e HubSaid) Decode(v any) error { return decode(e.Result, v) }

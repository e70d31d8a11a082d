package channels

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// A user may want a hub of his no more, or know that it is gone for good. His account
// there is deleted, and it is to him what any other member's hub is: channels that
// go on over another leave it, as when it is dropped; one that has no other stays,
// for nobody could speak there any more.

// forgetHub makes a hub none of the user's.
func (s *step) forgetHub(in ForgetHub) {
	h, ok := first(s.book, readHub, selectHubs+"WHERE fingerprint = ?", in.Hub[:])
	switch {
	case !ok || h.account == nil:
		s.fail(in.Ref, "", CodeNoHub, "that is no hub of yours: /msg sysop hub list")
		return
	case h.embedded:
		s.fail(in.Ref, "", CodeNotPossible, "the embedded hub is inside this gateway: without embedded_hub in the configuration it is not started")
		return
	case h.moving != "":
		s.fail(in.Ref, "", CodeNotPossible, "%s is being moved: say it again in a minute", h.address.URL)
		return
	}
	var left, stay []string
	for _, row := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND dropped = 0 ORDER BY channel", h.row) {
		ch := s.channels[row]
		if ch == nil || ch.name == "" || ch.state == stateRemoved {
			continue
		}
		switch over, on := s.forgetOn(ch, h); {
		case over:
			left = append(left, ch.name)
		case on:
			stay = append(stay, ch.name)
		}
	}
	s.forgetOwn(h)
	text := h.address.URL + " is none of your hubs any more"
	if len(left) > 0 {
		text += ". " + strings.Join(left, ", ") + " " + agree(left, "goes", "go") + " on over other hubs, and the others are told"
	}
	if len(stay) > 0 {
		text += ". Still there, since no other hub of " + agree(stay, "it", "them") + " answers, or another member keeps " + agree(stay, "it", "them") + " there: " + strings.Join(stay, ", ")
	}
	s.emit(Done{Ref: in.Ref, Text: text})
}

// forgetOn takes one channel off a hub that is forgotten, if it can do without, and
// says whether it has left it, or stays there.
func (s *step) forgetOn(ch *channel, h hub) (left, stays bool) {
	if ch.state != stateMember || !s.view(ch).Live(roster.Member(ch.self)) {
		return false, true
	}
	if p, opening := first(s.book, readCall, selectCalls+"WHERE channel = ? AND hub = ? AND op = ?", ch.row, h.row, string(wire.OpOpen)); opening {
		s.book.run("DELETE FROM calls WHERE id = ?", p.row)
		s.unopened(p, &wire.Error{Code: wire.CodeDenied})
		s.notMirrored(ch.row, h.row, "it is forgotten")
	}
	if p := s.placeAt(ch.row, h.row); !p.joined || p.dropped {
		return false, false
	}
	if !s.reachableBut(ch, h.row) {
		return false, true
	}
	s.notRescued(ch.row, h.row, CodeHub, "the hub that they lead to is forgotten")
	v, _ := hubView(s.view(ch), h.address.Fingerprint)
	kept := false
	for _, e := range v.Entries {
		if session.Member(e.By) != ch.self {
			kept = true // he who said so, or who stands above, drops it
			continue
		}
		if _, err := s.announce(ch, roster.HubDrop{Hub: e.Op}); err != nil {
			s.emit(Warn{Channel: ch.name, Text: err.Error()})
			kept = true
		}
	}
	if len(v.Entries) == 0 {
		s.leaveHub(ch, h.row)
	}
	return !kept, kept
}

// forgetOwn deletes what makes a hub the user's own.
func (s *step) forgetOwn(h hub) {
	if ref, waits := s.memory.claiming[h.row]; waits {
		delete(s.memory.claiming, h.row)
		s.fail(ref, "", CodeHub, "you have forgotten the hub")
	}
	s.notAsked(h.row, "you have forgotten the hub")
	s.book.run("DELETE FROM calls WHERE hub = ? AND channel IS NULL", h.row)
	s.book.run("DELETE FROM unmirrored WHERE hub = ?", h.row)
	s.book.run("UPDATE hubs SET empty = 0 WHERE id = ?", h.row)
	if s.book.setting(settingHome) == hex.EncodeToString(h.address.Fingerprint[:]) {
		s.book.run("DELETE FROM settings WHERE name = ?", settingHome)
	}
	s.forgetAccount(h)
	s.forgot()
	s.mirrors()
}

// forgetState forgets what this run knows of a hub whose row is gone: another may
// come to have the same.
func (s *step) forgetState(hub int64) {
	delete(s.memory.hubs, hub)
	for l := range s.memory.lines {
		if l.hub == hub {
			delete(s.memory.lines, l)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.memory.flights)) {
		f := s.memory.flights[id]
		if f.hub != hub {
			continue
		}
		delete(s.memory.flights, id)
		s.out.Cancel = append(s.out.Cancel, id)
		if f.kind == flightAsk {
			s.fail(f.ask.Ref, "", CodeNoHub, "you have no account on that hub any more")
		}
	}
}

// peeks says that a one-time key is being looked at on a hub.
func (s *step) peeks(hub int64) bool {
	for _, f := range s.memory.flights {
		if f.kind == flightPeek && f.hub == hub {
			return true
		}
	}
	return false
}

package channels

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// mirrorsMost is how many hubs a channel has before the user's own is added to
// them by itself: everyone reads them all.
const mirrorsMost = 4

// Why a channel is not kept on an own hub by itself.
const (
	mirrorDropped = "dropped" // the user has ended it
	mirrorAsked   = "asked"   // the user was told how
	mirrorRefused = "refused" // the hub would not open it
	mirrorCloses  = "closes"  // the hub goes
)

// mirror keeps a channel on a further hub.
func (s *step) mirror(in Mirror) {
	ch := s.named(in.Channel)
	h, ok := s.ownHub(in.Hub)
	switch {
	case ch == nil:
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s", in.Channel)
	case ch.state == stateWaiting:
		s.fail(in.Ref, ch.name, CodeNotPossible, "%s can be kept on your hub once %s has been online", ch.name, s.waitsFor(ch))
	case ch.state != stateMember || !s.view(ch).Live(roster.Member(ch.self)):
		s.fail(in.Ref, ch.name, CodeNotPossible, "you are not a member of %s any more", ch.name)
	case !ok:
		s.fail(in.Ref, ch.name, CodeNoHub, "that is no hub of yours: /msg sysop hub list, and hub add for a new one")
	case h.embedded && len(s.placesOf(ch)) > 0:
		s.fail(in.Ref, ch.name, CodeNotPossible, "the embedded hub is for this machine alone: nobody else could reach it")
	case s.placeAt(ch.row, h.row).entered && !s.placeAt(ch.row, h.row).dropped:
		s.emit(Done{Ref: in.Ref, Text: fmt.Sprintf("%s is kept on %s already", ch.name, h.address.URL)})
	default:
		s.memory.placing[place{ch.row, h.row}] = in.Ref
		s.mirrorOn(ch, h)
		s.hurry(h.row)
	}
}

// ownHub finds a hub that one has a claimed account on: the one that new
// channels live on if none is named.
func (s *step) ownHub(key wire.Fingerprint) (hub, bool) {
	if key == (wire.Fingerprint{}) {
		return s.home()
	}
	h, ok := first(s.book, readHub, selectHubs+"WHERE fingerprint = ?", key[:])
	return h, ok && h.account != nil && h.claimed
}

// mirrorOn opens a channel on an own hub. What is to be there, and what the others
// are told, follows when the hub has opened it.
func (s *step) mirrorOn(ch *channel, h hub) {
	s.book.run("DELETE FROM unmirrored WHERE channel = ? AND hub = ?", ch.row, h.row)
	s.addPlace(ch, h.row)
	s.openFirst(ch, h.row)
}

// openFirst has a channel opened on a hub, if that is not asked for already.
func (s *step) openFirst(ch *channel, hub int64) {
	if s.book.number("SELECT count(*) FROM calls WHERE channel = ? AND hub = ? AND op = ?", ch.row, hub, string(wire.OpOpen)) == 0 {
		s.open(ch, hub)
	}
}

// home is the user's own hub that channels are kept on, whether it answers or not;
// none that goes.
func (s *step) home() (hub, bool) {
	var home hub
	found := false
	name := s.book.setting(settingHome)
	for _, h := range s.hubs() {
		if h.account == nil || !h.claimed || h.embedded || h.empty || !h.closes.IsZero() {
			continue
		}
		if !found || fmt.Sprintf("%x", h.address.Fingerprint[:]) == name {
			home, found = h, true
		}
	}
	return home, found
}

// mirrors keeps the channels that live on others' hubs on the user's own too,
// or tells how, as the policy says.
func (s *step) mirrors() {
	h, ok := s.home()
	if !ok || s.options.Mirror == MirrorNever {
		return
	}
	for _, ch := range s.sorted() {
		if !s.mayMirror(ch, h) {
			continue
		}
		if s.options.Mirror == MirrorAuto {
			s.mirrorOn(ch, h)
			continue
		}
		s.tellToMirror(ch, h, "lives on hubs of others alone")
	}
}

// tellToMirror tells once how a channel is kept on the user's own hub.
func (s *step) tellToMirror(ch *channel, h hub, why string) {
	if s.book.run("INSERT INTO unmirrored (channel, hub, why) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", ch.row, h.row, mirrorAsked) > 0 {
		s.emit(News{Channel: ch.name, Text: fmt.Sprintf("%s %s. To keep it on yours too: /msg sysop hub mirror %s", ch.name, why, ch.name)})
	}
}

// mayMirror says that a channel is to be kept on one's own hub by itself, and is
// not yet. One that is on no hub at all will be opened there when somebody is invited.
func (s *step) mayMirror(ch *channel, h hub) bool {
	if ch.state != stateMember || ch.name == "" || !s.view(ch).Live(roster.Member(ch.self)) {
		return false
	}
	places := s.placesOf(ch)
	if len(places) == 0 || s.lively(ch) >= mirrorsMost || slices.Contains(places, h.row) ||
		s.book.number("SELECT count(*) FROM unmirrored WHERE channel = ? AND hub = ?", ch.row, h.row) > 0 {
		return false
	}
	// Nobody elsewhere could reach it.
	return s.options.Private || s.livesPrivately(ch) || !wire.PrivateURL(h.address.URL)
}

// lively is on how many hubs a channel is that stay and answer, or did a day ago:
// those that are named and dead keep nobody from adding a live one.
func (s *step) lively(ch *channel) int64 {
	return s.book.number("SELECT count(*) FROM places p JOIN hubs h ON h.id = p.hub WHERE p.channel = ? AND p.dropped = 0 AND p.entered = 1 AND h.closes = 0 AND (h.since = 0 OR h.since > ?)",
		ch.row, stamp(s.now.Add(-24*time.Hour)))
}

// mirrored is called when a hub has opened a channel: it gets all that the
// others have, and they are told.
func (s *step) mirrored(ch *channel, hub int64) {
	s.admit(ch, hub)
	s.refill(ch, hub)
	if s.rescuing(ch.row, hub) {
		s.offerRescues(ch, hub)
	} else if len(s.making(ch.row)) == 0 {
		s.nameHubs(ch)
	}
	at := place{ch.row, hub}
	if ref, waits := s.memory.placing[at]; waits {
		delete(s.memory.placing, at)
		h, _ := s.hub(hub)
		s.emit(Done{Ref: ref, Text: fmt.Sprintf("%s is kept on %s too, from now on", ch.name, h.address.URL)})
	}
}

// notMirrored answers who waits for a channel to be kept on a hub that does not
// open it.
func (s *step) notMirrored(channel, hub int64, why string) {
	s.book.run("INSERT INTO unmirrored (channel, hub, why) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", channel, hub, mirrorRefused)
	s.notRescued(channel, hub, CodeHub, "the hub does not open the channel: "+why)
	at := place{channel, hub}
	if ref, waits := s.memory.placing[at]; waits {
		delete(s.memory.placing, at)
		s.fail(ref, s.channels[channel].name, CodeHub, "the hub does not open the channel: %s", why)
	}
}

// unmirrored tells who waits for a channel to be kept on a hub that does not
// answer that it takes longer.
func (s *step) unmirrored(f *flight, why HubFailure) {
	for _, row := range f.calls {
		p, ok := first(s.book, readCall, selectCalls+"WHERE id = ?", row)
		at := place{p.channel, p.hub}
		ref, waits := s.memory.placing[at]
		if !ok || p.op != wire.OpOpen || !waits {
			continue
		}
		delete(s.memory.placing, at)
		h, _ := s.hub(p.hub)
		s.emit(Done{Ref: ref, Text: fmt.Sprintf("%s does not answer now (%s): %s is put there when it does", h.address.URL, cleanLine(why.Text), s.channels[p.channel].name)})
	}
}

// dropHub ends that a channel is kept on a hub.
func (s *step) dropHub(in DropHub) {
	ch := s.named(in.Channel)
	h, ok := first(s.book, readHub, selectHubs+"WHERE fingerprint = ?", in.Hub[:])
	switch {
	case ch == nil:
		s.fail(in.Ref, in.Channel, CodeUnknownChannel, "you are not in %s", in.Channel)
	case ch.state == stateWaiting:
		s.fail(in.Ref, ch.name, CodeNotPossible, "you can drop a hub once %s has been online", s.waitsFor(ch))
	case ch.state != stateMember || !s.view(ch).Live(roster.Member(ch.self)):
		s.fail(in.Ref, ch.name, CodeNotPossible, "you are not a member of %s any more", ch.name)
	case !ok || !slices.Contains(s.placesOf(ch), h.row):
		s.fail(in.Ref, ch.name, CodeNotPossible, "%s is not kept on that hub: /msg sysop status %s", ch.name, ch.name)
	case len(s.placesOf(ch)) == 1:
		s.fail(in.Ref, ch.name, CodeNotPossible, "it is the only hub of %s: nobody could speak any more. Keep it on another first: /msg sysop hub mirror %s", ch.name, ch.name)
	case !s.reachableBut(ch, h.row):
		s.fail(in.Ref, ch.name, CodeNotPossible, "no other hub of %s answers now: nobody could be told. Drop it when one does", ch.name)
	default:
		s.drop(ch, h, in.Ref)
	}
}

// drop takes back all that says that a channel is kept on a hub.
func (s *step) drop(ch *channel, h hub, ref Ref) {
	v, _ := hubView(s.view(ch), h.address.Fingerprint)
	for _, e := range v.Entries {
		by := session.Member(e.By)
		if !s.mayTakeBack(ch, e) && h.account == nil { // one's own hub may be left whoever names it
			s.fail(ref, ch.name, CodeNotPossible, "%s added that hub: only %s, or who stands above, can take it back", s.nickOf(ch, by), s.nickOf(ch, by))
			return
		}
	}
	if err := s.unname(ch, h, mirrorDropped); err != nil {
		s.fail(ref, ch.name, CodeInternal, "%v", err)
		return
	}
	text := fmt.Sprintf("%s is not kept on %s any more", ch.name, h.address.URL)
	if !h.up {
		text += fmt.Sprintf(". It is told over the other hubs: who reaches none of them needs a rescue key (/msg sysop hub rescue %s)", ch.name)
	}
	s.emit(Done{Ref: ref, Text: text})
}

// mayTakeBack says that the user may take back that a hub was added.
func (s *step) mayTakeBack(ch *channel, e roster.HubEntry) bool {
	return session.Member(e.By) == ch.self || s.view(ch).Above(roster.Member(ch.self), e.By)
}

// unname takes back what the user may of what says that a channel is kept on a hub,
// and leaves it. Why is noted of an own one.
func (s *step) unname(ch *channel, h hub, why string) error {
	v, _ := hubView(s.view(ch), h.address.Fingerprint)
	taken := 0
	for _, e := range v.Entries {
		if !s.mayTakeBack(ch, e) {
			continue
		}
		if _, err := s.announce(ch, roster.HubDrop{Hub: e.Op}); err != nil {
			return err
		}
		taken++
	}
	if taken < len(v.Entries) || taken == 0 {
		s.leaveHub(ch, h.row)
	}
	if h.account != nil {
		s.book.run("INSERT INTO unmirrored (channel, hub, why) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET why = excluded.why", ch.row, h.row, why)
	}
	return nil
}

// moveHub notes where a hub is now, which has answered there.
func (s *step) moveHub(in MoveHub) {
	url, err := wire.CanonicalURL(in.Hub.URL)
	h, ok := first(s.book, readHub, selectHubs+"WHERE fingerprint = ?", in.Hub.Fingerprint[:])
	switch {
	case err != nil:
		s.fail(in.Ref, "", CodeHub, "%v", err)
		return
	case !ok:
		s.fail(in.Ref, "", CodeHub, "no channel of yours is kept on that hub, and it is none of yours: /msg sysop hub list")
		return
	}
	if s.becomesOther(url, h); in.Leaves && h.up && h.account != nil && h.address.URL != url {
		s.beginMove(h, url, in.Ref)
		return
	}
	s.relocate(h.row, url)
	h, _ = s.hub(h.row)
	s.hurry(h.row)
	var told []string
	for _, row := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND dropped = 0 ORDER BY channel", h.row) {
		if ch := s.channels[row]; ch != nil && ch.state == stateMember && s.sayMoved(ch, h) {
			told = append(told, ch.name)
		}
	}
	text := fmt.Sprintf("the hub is asked at %s from now on", url)
	if len(told) > 0 {
		text += ", and the others are told so in " + strings.Join(told, ", ")
	}
	s.emit(Done{Ref: in.Ref, Text: text})
}

// becomesOther forgets the empty hub that was at a URL, and is another one now.
func (s *step) becomesOther(url string, now hub) {
	for _, h := range s.hubs() {
		if h.empty && h.row != now.row && h.address.URL == url {
			s.forgetAccount(h)
		}
	}
}

// sayMoved tells a channel where its hub is now, unless it was told already.
func (s *step) sayMoved(ch *channel, h hub) bool {
	v, known := hubView(s.view(ch), h.address.Fingerprint)
	said := slices.ContainsFunc(v.Entries, func(e roster.HubEntry) bool { return canonical(e.URL) == h.address.URL })
	if !known || said || !s.view(ch).Live(roster.Member(ch.self)) {
		return false
	}
	if _, err := s.announce(ch, hubAdd(h)); err != nil {
		s.emit(Warn{Channel: ch.name, Text: err.Error()})
		return false
	}
	return ch.name != ""
}

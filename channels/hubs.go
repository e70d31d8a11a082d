package channels

import (
	"cmp"
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"time"

	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// hub is a hub as the phonebook has it.
type hub struct {
	row      int64
	address  HubAddress
	account  ed25519.PrivateKey // nil: none here
	secret   []byte             // to claim it with
	claimed  bool
	owner    bool
	embedded bool
	up       bool
	heard    time.Time
	trouble  string
	note     string
	trusted  bool      // its URL is the user's word, or was found right
	since    time.Time // it does not answer; zero: it does
	told     time.Time // the user, of that
	rested   time.Time // when he was told so last

	closes     time.Time // when it goes, as it says; zero: it does not
	closesSaid time.Time // what the user was told last of that
	closesTold time.Time // and when
	reminded   bool      // he was told again, shortly before
	empty      bool      // it is to become another one (UseHub.Empty)
	moving     string    // where it will be asked, once the others know that (MoveHub.Leaves)
	movingFrom time.Time // since when
}

const selectHubs = "SELECT id, url, fingerprint, account, secret, claimed, owner, embedded, up, heard, trouble, note, trusted, since, told, rested, closes, closes_said, closes_told, reminded, empty, moving, moving_since FROM hubs "

func readHub(r row) hub {
	var h hub
	var fingerprint, account []byte
	var heard, since, told, rested, closes, closesSaid, closesTold, moving int64
	scan(r, &h.row, &h.address.URL, &fingerprint, &account, &h.secret, &h.claimed, &h.owner, &h.embedded, &h.up, &heard, &h.trouble, &h.note, &h.trusted, &since, &told, &rested,
		&closes, &closesSaid, &closesTold, &h.reminded, &h.empty, &h.moving, &moving)
	h.address.Fingerprint = wire.Fingerprint(fingerprint)
	if len(account) > 0 {
		h.account = ed25519.NewKeyFromSeed(account)
	}
	h.heard, h.since, h.told, h.rested = moment(heard), moment(since), moment(told), moment(rested)
	h.closes, h.closesSaid, h.closesTold, h.movingFrom = moment(closes), moment(closesSaid), moment(closesTold), moment(moving)
	return h
}

// hubs lists all hubs, those of others' too.
func (c *Core) hubs() []hub { return list(c.book, readHub, selectHubs+"ORDER BY id") }

func (c *Core) hub(id int64) (hub, bool) {
	return first(c.book, readHub, selectHubs+"WHERE id = ?", id)
}

// meet returns the row of a hub, which is new if its key is. The address of a
// known one stays as it is: whoever names the hub elsewhere could send it astray.
// Trusted is the user's word.
func (s *step) meet(a HubAddress, trusted bool) int64 {
	url := canonical(a.URL)
	if id := s.book.number("SELECT id FROM hubs WHERE fingerprint = ?", a.Fingerprint[:]); id != 0 {
		if trusted {
			s.book.run("UPDATE hubs SET trusted = 1 WHERE id = ? AND url = ? AND trusted = 0", id, url)
		}
		return id
	}
	return s.book.insert("INSERT INTO hubs (url, fingerprint, trusted) VALUES (?, ?, ?)", url, a.Fingerprint[:], trusted)
}

// relocate notes where a hub is now: its user says so, or it has answered there.
func (s *step) relocate(hub int64, url string) {
	if s.book.run("UPDATE hubs SET url = ?1, trusted = 1 WHERE id = ?2 AND url <> ?1", canonical(url), hub) > 0 {
		s.isElsewhere(hub)
	}
	s.book.run("UPDATE hubs SET trusted = 1 WHERE id = ?", hub)
}

// isElsewhere notes that a hub has moved: it may have been imported there, and then
// has another database, of which not all members need be told.
func (s *step) isElsewhere(hub int64) {
	state := s.memory.hubs[hub]
	state.moved = s.now
	s.memory.hubs[hub] = state
}

// maxLocations is how many URLs of a hub are kept: the newest.
const maxLocations = 16

// locations are the other URLs at which a hub may be reached, the newest first.
func (s *step) locations(h hub, public bool) []Location {
	var others []Location
	for _, url := range list(s.book, readString, "SELECT url FROM locations WHERE hub = ? AND url <> ? ORDER BY at DESC, url LIMIT ?", h.row, h.address.URL, maxLocations) {
		others = append(others, Location{URL: url, Public: public})
	}
	return others
}

// canonical is the one form of a URL, if it is a hub's.
func canonical(url string) string {
	if c, err := wire.CanonicalURL(url); err == nil {
		return c
	}
	return url
}

// moved tells the channels that one has opened on a hub where it is now.
func (s *step) moved(h hub) {
	for _, row := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND opened = 1 ORDER BY channel", h.row) {
		if ch := s.channels[row]; ch != nil && ch.state == stateMember {
			s.sayMoved(ch, h)
		}
	}
}

// hubAdd says that a channel lives on a hub.
func hubAdd(h hub) roster.HubAdd {
	return roster.HubAdd{URL: h.address.URL, Key: roster.HubFingerprint(h.address.Fingerprint)}
}

// choose finds the hub to open a channel on: of one's own that answer the one
// that was added last, else another, one that closes last, else the embedded one.
func (s *step) choose() (hub, bool) {
	home := s.book.setting(settingHome)
	var chosen hub
	rank := 0
	for _, h := range s.hubs() {
		r := 0
		switch {
		case !h.claimed || h.account == nil || h.empty:
		case h.embedded:
			r = 1
		case !h.up || s.hasClosed(h):
		case !h.closes.IsZero():
			r = 2
		case hex.EncodeToString(h.address.Fingerprint[:]) == home:
			r = 4
		default:
			r = 3
		}
		if r > rank {
			chosen, rank = h, r
		}
	}
	return chosen, rank > 0
}

// place makes the hubs that operations name known, as places of the channel.
func (s *step) place(ch *channel, ops []*roster.Signed) {
	if ch.state == stateLeaving || ch.state == stateRemoved {
		return
	}
	// An operation of any kind may be the one that a hub+ before it has waited for, or,
	// such as a removal that did not know of it, by which it counts no more. Who does not
	// know all yet leaves none for what he lacks.
	changed := ch.state == stateMember && len(ops) > 0 || slices.ContainsFunc(ops, func(op *roster.Signed) bool {
		kind := op.Op().Args.Kind()
		return kind == roster.KindHubDrop || kind == roster.KindHubAdd
	})
	if changed {
		s.leaveHubs(ch)
	}
	kept := map[roster.Member]int{}
	for _, v := range s.keptOn(ch) {
		own := slices.ContainsFunc(v.Entries, func(e roster.HubEntry) bool { return session.Member(e.By) == ch.self })
		by := v.Entries[0].By
		if kept[by]++; own || kept[by] <= hubsEach && len(kept) <= session.MaxHubs {
			s.placeOn(ch, v, own)
		}
	}
}

// hubsEach is how many hubs of one member are read: a member who names many must
// not crowd out those of the others.
const hubsEach = 3

// placeOn makes a hub that operations name known. All the URLs that stand for it
// are tried, the last first.
func (s *step) placeOn(ch *channel, v roster.HubView, own bool) {
	newest := ""
	id := s.book.number("SELECT id FROM hubs WHERE fingerprint = ?", v.Key[:])
	if !own && s.book.number("SELECT count(*) FROM unmirrored WHERE channel = ? AND hub = ? AND why = ?", ch.row, id, mirrorDropped) > 0 {
		return // it is the user's, who has ended that: no other may begin it again
	}
	for i, entry := range slices.Backward(v.Entries[max(len(v.Entries)-maxLocations, 0):]) {
		url, err := wire.CanonicalURL(entry.URL)
		if err != nil {
			continue
		}
		if wire.PrivateURL(url) && !s.mayBePrivate(ch, id, url) {
			s.tellPrivate(ch, entry, url)
			continue
		}
		if id == 0 {
			id = s.meet(HubAddress{URL: url, Fingerprint: wire.Fingerprint(v.Key)}, session.Member(entry.By) == ch.self)
		}
		s.book.run("INSERT INTO locations (hub, url, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", id, url, stamp(s.now)+int64(i))
		newest = cmp.Or(newest, url)
	}
	if newest != "" {
		s.book.run(`DELETE FROM locations WHERE hub = ?1 AND url NOT IN
			(SELECT url FROM locations WHERE hub = ?1 ORDER BY at DESC, url LIMIT ?2)`, id, maxLocations)
		s.follow(id, newest)
	}
	if id != 0 && s.addPlace(ch, id) {
		s.refill(ch, id) // who opened it there has not what he could not read
	}
}

// follow goes to a hub's new URL where the one that it is known by does not stand
// in any channel any more: who had added the hub has said that it moved. A guest
// knows no more of that than others, whatever he has said himself.
func (s *step) follow(hub int64, url string) {
	h, ok := s.hub(hub)
	if !ok || h.address.URL == url || h.owner || h.account != nil && !h.claimed {
		return
	}
	guest := h.account != nil
	for _, row := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND dropped = 0", hub) {
		ch := s.channels[row]
		if ch == nil || ch.state == stateLeaving || ch.state == stateRemoved {
			continue
		}
		v, named := hubView(s.view(ch), h.address.Fingerprint)
		if !named || slices.ContainsFunc(v.Entries, func(e roster.HubEntry) bool {
			return canonical(e.URL) == h.address.URL && !(guest && session.Member(e.By) == ch.self)
		}) {
			return
		}
	}
	if guest {
		defer func() {
			h.address.URL = url
			s.moved(h) // the others in the channels that he has opened there
		}()
	}
	// Who has it in his own network by his own word goes on with it there.
	private := h.trusted && wire.PrivateURL(h.address.URL) && wire.PrivateURL(url)
	if h.trusted { // his user may have said so before anybody else has: it is tried, too
		s.book.run("INSERT INTO locations (hub, url, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", hub, h.address.URL, stamp(s.now))
	}
	s.book.run("UPDATE hubs SET url = ?, trusted = ? WHERE id = ?", url, private, hub)
	s.isElsewhere(hub)
}

// mayBePrivate says that a hub at a private address may be asked, though it was
// another who named it.
func (s *step) mayBePrivate(ch *channel, hub int64, url string) bool {
	h, known := s.hub(hub)
	return s.options.Private || s.livesPrivately(ch) || known && h.trusted && h.address.URL == url
}

// leaveHubs forgets the hubs on which a channel does not live any more.
func (s *step) leaveHubs(ch *channel) {
	kept := s.keptOn(ch)
	for _, id := range s.placesOf(ch) {
		h, _ := s.hub(id)
		stands := slices.ContainsFunc(kept, func(v roster.HubView) bool { return wire.Fingerprint(v.Key) == h.address.Fingerprint })
		if !stands && s.everNamed(ch, h) {
			s.leaveHub(ch, id)
		}
	}
}

// keptOn are the hubs that operations name. Where two members have dropped the last
// two at the same time, all that were ever named are asked: else there were no
// place any more to speak of another.
func (s *step) keptOn(ch *channel) []roster.HubView {
	if hubs := s.view(ch).Hubs; len(hubs) > 0 {
		return hubs
	}
	var hubs []roster.HubView
	for _, op := range s.ops(ch).All() {
		add, ok := op.Op().Args.(roster.HubAdd)
		if !ok {
			continue
		}
		i := slices.IndexFunc(hubs, func(v roster.HubView) bool { return v.Key == add.Key })
		if i < 0 {
			i, hubs = len(hubs), append(hubs, roster.HubView{Key: add.Key})
		}
		hubs[i].Entries = append(hubs[i].Entries, roster.HubEntry{Op: op.Hash(), By: op.Op().By, URL: add.URL})
	}
	return hubs
}

// everNamed says that an operation has named a hub, whether it still stands or not.
func (s *step) everNamed(ch *channel, h hub) bool {
	return slices.ContainsFunc(s.ops(ch).All(), func(op *roster.Signed) bool {
		add, ok := op.Op().Args.(roster.HubAdd)
		return ok && wire.Fingerprint(add.Key) == h.address.Fingerprint
	})
}

// leaveHub ends that a channel is read on a hub. What is on its way there, that it
// is dropped above all, still goes there for a while: some may read no other.
func (s *step) leaveHub(ch *channel, hub int64) {
	delete(s.memory.head, place{ch.row, hub})
	s.book.run("DELETE FROM calls WHERE channel = ? AND hub = ? AND carry = 1", ch.row, hub)
	s.book.run("UPDATE places SET dropped = ? WHERE channel = ? AND hub = ? AND dropped = 0", stamp(s.now), ch.row, hub)
	s.timer(ch, timerDropped, s.now.Add(droppedKept))
}

// droppedKept is how long a hub that was dropped is told of what was under way.
const droppedKept = 10 * time.Minute

// forgetDropped forgets the hubs that were dropped a while ago.
func (s *step) forgetDropped(ch *channel) {
	for _, h := range list(s.book, readNumber, "SELECT hub FROM places WHERE channel = ? AND dropped > 0 AND dropped <= ?", ch.row, stamp(s.now.Add(-droppedKept))) {
		if !s.closeOn(ch, h) {
			s.removePlace(ch.row, h)
		}
	}
	if last := s.book.number("SELECT min(dropped) FROM places WHERE channel = ? AND dropped > ? AND closing = 0", ch.row, stamp(s.now.Add(-droppedKept))); last > 0 {
		s.timer(ch, timerDropped, moment(last).Add(droppedKept))
	}
}

// hurry has a hub asked at once that is being left alone after failures: the
// user does something.
func (s *step) hurry(hubs ...int64) {
	for _, id := range hubs {
		h := s.memory.hubs[id]
		if h.retry.After(s.now) && s.now.Sub(h.tried) > 2*time.Second {
			h.retry = s.now
			s.memory.hubs[id] = h
		}
	}
}

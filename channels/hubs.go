package channels

import (
	"crypto/ed25519"
	"crypto/rand"
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
}

const selectHubs = "SELECT id, url, fingerprint, account, secret, claimed, owner, embedded, up, heard, trouble, note FROM hubs "

func readHub(r row) hub {
	var h hub
	var fingerprint, account []byte
	var heard int64
	scan(r, &h.row, &h.address.URL, &fingerprint, &account, &h.secret, &h.claimed, &h.owner, &h.embedded, &h.up, &heard, &h.trouble, &h.note)
	h.address.Fingerprint = wire.Fingerprint(fingerprint)
	if len(account) > 0 {
		h.account = ed25519.NewKeyFromSeed(account)
	}
	h.heard = moment(heard)
	return h
}

// hubs lists all hubs, those of others' too.
func (c *Core) hubs() []hub { return list(c.book, readHub, selectHubs+"ORDER BY id") }

func (c *Core) hub(id int64) (hub, bool) {
	return first(c.book, readHub, selectHubs+"WHERE id = ?", id)
}

// meet returns the row of a hub, which is new if its key is. The address of a
// known one stays as it is: whoever names the hub elsewhere could send it astray.
func (s *step) meet(a HubAddress) int64 {
	if id := s.book.number("SELECT id FROM hubs WHERE fingerprint = ?", a.Fingerprint[:]); id != 0 {
		return id
	}
	return s.book.insert("INSERT INTO hubs (url, fingerprint) VALUES (?, ?)", canonical(a.URL), a.Fingerprint[:])
}

// relocate notes where a hub is now: its user says so, or it has answered there.
func (s *step) relocate(hub int64, url string) {
	s.book.run("UPDATE hubs SET url = ? WHERE id = ?", canonical(url), hub)
}

// canonical is the one form of a URL, if it is a hub's.
func canonical(url string) string {
	if c, err := wire.CanonicalURL(url); err == nil {
		return c
	}
	return url
}

// useHub makes a hub one's own.
func (s *step) useHub(in UseHub) {
	if _, err := wire.CanonicalURL(in.Hub.URL); err != nil {
		s.fail(in.Ref, "", CodeHub, "%v", err)
		return
	}
	was, _ := first(s.book, readString, "SELECT url FROM hubs WHERE fingerprint = ?", in.Hub.Fingerprint[:])
	id := s.meet(in.Hub)
	s.relocate(id, in.Hub.URL)
	h, _ := s.hub(id)
	if was != "" && was != h.address.URL {
		s.moved(h)
	}
	if h.account == nil {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		s.book.run("UPDATE hubs SET account = ? WHERE id = ?", seed, h.row)
	}
	s.book.run("UPDATE hubs SET embedded = ? WHERE id = ?", in.Embedded, h.row)
	h.embedded = in.Embedded
	if h.claimed && in.Secret == ([16]byte{}) {
		s.ready(in.Ref, h)
		return
	}
	if in.Secret == ([16]byte{}) && len(h.secret) == 0 {
		s.fail(in.Ref, "", CodeHub, "this hub is not claimed yet: add it with the key in its claim.txt")
		return
	}
	if in.Secret != ([16]byte{}) {
		s.book.run("UPDATE hubs SET secret = ? WHERE id = ?", in.Secret[:], h.row)
	}
	s.memory.claiming[h.row] = in.Ref
	if s.book.number("SELECT count(*) FROM calls WHERE hub = ? AND op = ?", h.row, string(wire.OpClaim)) == 0 {
		s.call(pending{hub: h.row, op: wire.OpClaim})
	}
	s.hurry(h.row)
}

// moved tells the channels that one has opened on a hub where it is now.
func (s *step) moved(h hub) {
	for _, row := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND opened = 1 ORDER BY channel", h.row) {
		ch := s.channels[row]
		if ch == nil || ch.state != stateMember {
			continue
		}
		if _, err := s.announce(ch, hubAdd(h)); err != nil {
			s.emit(Warn{Channel: ch.name, Text: err.Error()})
		}
	}
}

// hubAdd says that a channel lives on a hub.
func hubAdd(h hub) roster.HubAdd {
	return roster.HubAdd{URL: h.address.URL, Key: roster.HubFingerprint(h.address.Fingerprint)}
}

// claimed takes the answer to a claim. Until there is one it is asked for,
// across restarts too.
func (s *step) claimed(p pending, result wire.Result) verdict {
	h, ok := s.hub(p.hub)
	ref := s.memory.claiming[p.hub]
	if !ok {
		return answered
	}
	if result.Error != nil {
		if transient(result.Error.Code) {
			return later
		}
		delete(s.memory.claiming, p.hub)
		if !h.claimed {
			s.forgetAccount(h)
		}
		code, text := CodeHub, "the hub does not take this key: "+cleanLine(result.Error.Text)
		switch result.Error.Code {
		case wire.CodeUsed:
			code, text = CodeUsed, "somebody else has claimed this hub with this key: if the hub is yours, put an empty file claim.txt into its data folder and open its page, for another key"
		case wire.CodeExpired:
			code, text = CodeExpired, "this key for the hub has expired"
		}
		s.fail(ref, "", code, "%s", text)
		return answered
	}
	var r wire.ClaimResult
	if err := decode(result, &r); err != nil {
		return later
	}
	delete(s.memory.claiming, p.hub)
	s.book.run("UPDATE hubs SET claimed = 1, owner = ?, secret = NULL WHERE id = ?", r.Owner, h.row)
	s.forgot()
	// A hub that was wiped and is claimed anew opens what it had lost.
	s.book.run("UPDATE places SET opened = 1, retry = 0 WHERE hub = ? AND opened = -1", h.row)
	h.owner = r.Owner
	s.ready(ref, h)
	return answered
}

// forgetAccount takes back that a hub is one's own.
func (s *step) forgetAccount(h hub) {
	s.book.run("UPDATE hubs SET account = NULL, secret = NULL, claimed = 0, owner = 0 WHERE id = ?", h.row)
	if s.book.number("SELECT count(*) FROM places WHERE hub = ?", h.row) == 0 {
		s.book.run("DELETE FROM calls WHERE hub = ?", h.row)
		s.book.run("DELETE FROM hubs WHERE id = ?", h.row)
	}
}

// settingHome names the hub that the user has added last, by its fingerprint.
const settingHome = "home"

// ready tells that a hub is one's own. Channels that one opens from now on live
// there, unless it is the embedded one.
func (s *step) ready(ref Ref, h hub) {
	if !h.embedded {
		s.book.set(settingHome, hex.EncodeToString(h.address.Fingerprint[:]))
	}
	s.emit(HubReady{Ref: ref, Hub: h.address, Embedded: h.embedded, Owner: h.owner})
}

// choose finds the hub to open a channel on: of one's own that answer the one
// that was added last, else another, else the embedded one.
func (s *step) choose() (hub, bool) {
	home := s.book.setting(settingHome)
	var chosen hub
	rank := 0
	for _, h := range s.hubs() {
		r := 0
		switch {
		case !h.claimed || h.account == nil:
		case h.embedded:
			r = 1
		case !h.up:
		case hex.EncodeToString(h.address.Fingerprint[:]) == home:
			r = 3
		default:
			r = 2
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
	// An operation of any kind may be the one that a hub+ before it has waited for.
	dropped := slices.ContainsFunc(ops, func(op *roster.Signed) bool {
		_, ok := op.Op().Args.(roster.HubDrop)
		return ok
	})
	if dropped {
		s.leaveHubs(ch)
	}
	for i, v := range s.view(ch).Hubs {
		if i == session.MaxHubs {
			break
		}
		entry := v.Entries[len(v.Entries)-1]
		url, err := wire.CanonicalURL(entry.URL)
		if err != nil {
			continue
		}
		h := s.meet(HubAddress{URL: url, Fingerprint: wire.Fingerprint(v.Key)})
		s.addPlace(ch, h)
	}
}

// leaveHubs forgets the hubs on which a channel does not live any more.
func (s *step) leaveHubs(ch *channel) {
	view := s.view(ch)
	for _, id := range s.placesOf(ch) {
		h, _ := s.hub(id)
		if !slices.ContainsFunc(view.Hubs, func(v roster.HubView) bool { return wire.Fingerprint(v.Key) == h.address.Fingerprint }) {
			delete(s.memory.head, place{ch.row, id})
			s.book.run("DELETE FROM calls WHERE channel = ? AND hub = ?", ch.row, id)
			s.book.run("DELETE FROM places WHERE channel = ? AND hub = ?", ch.row, id)
		}
	}
}

// addPlace notes that a channel lives on a hub, and says whether that is new.
func (s *step) addPlace(ch *channel, hub int64) bool {
	return s.book.run("INSERT INTO places (channel, hub) VALUES (?, ?) ON CONFLICT DO NOTHING", ch.row, hub) > 0
}

// placesOf lists the hubs that a channel lives on.
func (c *Core) placesOf(ch *channel) []int64 {
	return list(c.book, readNumber, "SELECT hub FROM places WHERE channel = ? ORDER BY hub", ch.row)
}

// forgetPlaces forgets where a channel was read to.
func (s *step) forgetPlaces(ch *channel) {
	for _, h := range s.placesOf(ch) {
		delete(s.memory.head, place{ch.row, h})
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

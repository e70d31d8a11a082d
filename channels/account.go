package channels

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"hubbub/channels/wire"
)

// An account on a hub is what one opens channels there with: its owner's, or a guest's.
// It is claimed with the secret of an account key.

// useHub makes a hub one's own.
func (s *step) useHub(in UseHub) {
	if _, err := wire.CanonicalURL(in.Hub.URL); err != nil {
		s.fail(in.Ref, "", CodeHub, "%v", err)
		return
	}
	was, _ := first(s.book, readString, "SELECT url FROM hubs WHERE fingerprint = ?", in.Hub.Fingerprint[:])
	id := s.meet(in.Hub, true)
	s.relocate(id, in.Hub.URL)
	h, _ := s.hub(id)
	if was != "" && was != h.address.URL {
		s.moved(h)
	}
	if given := len(in.Account) == ed25519.SeedSize && !h.claimed; h.account == nil || given {
		seed := in.Account
		if !given {
			seed = make([]byte, ed25519.SeedSize)
			rand.Read(seed)
		}
		s.book.run("UPDATE hubs SET account = ? WHERE id = ?", seed, h.row)
	}
	s.book.run("UPDATE hubs SET embedded = ?, empty = ? WHERE id = ?", in.Embedded, in.Empty, h.row)
	h.embedded, h.empty = in.Embedded, in.Empty
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
	s.claim(h)
	s.hurry(h.row)
}

// claim has the secret of a hub claimed. Where one has an account already the hub
// is asked first whether it still is one: see accountAnswered.
func (s *step) claim(h hub) {
	if s.book.number("SELECT count(*) FROM calls WHERE hub = ? AND channel IS NULL AND op IN (?, ?)", h.row, string(wire.OpClaim), string(wire.OpStatus)) > 0 {
		return
	}
	op := wire.OpClaim
	if h.claimed {
		op = wire.OpStatus
	}
	s.call(pending{hub: h.row, op: op})
}

// accountAnswered takes whether an account is still one of the hub's, before
// another secret is claimed. Where it was taken back its key is not used again: who
// has stolen it, which may be why, would have the new account as well.
func (s *step) accountAnswered(p pending, result wire.Result) verdict {
	if e := result.Error; e != nil && transient(e.Code) {
		return later
	}
	if e := result.Error; e != nil && e.Code == wire.CodeDenied {
		s.book.run("INSERT INTO settings (name, value) SELECT ?, account FROM hubs WHERE id = ? ON CONFLICT DO NOTHING", settingAccount(p.hub), p.hub)
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		s.book.run("UPDATE hubs SET account = ? WHERE id = ?", seed, p.hub)
	}
	s.call(pending{hub: p.hub, op: wire.OpClaim})
	return answered
}

// settingAccount names the account that one had on a hub, while another is claimed
// in its place: if that fails it stays, since the hub may know it again one day.
func settingAccount(hub int64) string { return fmt.Sprintf("account %d", hub) }

// keepAccount has the account that one had on a hub stay after all.
func (s *step) keepAccount(hub int64) {
	s.book.run("UPDATE hubs SET account = s.value FROM (SELECT value FROM settings WHERE name = ?) s WHERE id = ?", settingAccount(hub), hub)
	s.book.run("DELETE FROM settings WHERE name = ?", settingAccount(hub))
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
		if s.keepAccount(h.row); !h.claimed {
			s.forgetAccount(h)
		}
		code, text := CodeHub, "the hub does not take this key: "+words(result.Error)
		switch result.Error.Code {
		case wire.CodeUsed:
			code, text = CodeUsed, "somebody else has claimed this hub with this key: if the hub is yours, put an empty file claim.txt into its data folder and open its page, for another key"
		case wire.CodeExpired:
			code, text = CodeExpired, "this key for the hub has expired: ask the hub's owner for a new one"
		case wire.CodeDenied:
			code, text = CodeRevoked, "the hub does not know this key: its owner has made a new one or taken it back, or it was used before the hub was wiped. Ask the owner for a new one; if the hub is yours, take the key from claim.txt in its data folder"
		case wire.CodeBanned:
			code, text = CodeNotAllowed, "the owner of the hub serves you no more"
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
	s.book.run("DELETE FROM settings WHERE name = ?", settingAccount(h.row))
	s.forgot()
	// A hub that was wiped and is claimed anew opens what it had lost.
	s.book.run("UPDATE places SET opened = 1, retry = 0 WHERE hub = ? AND opened = -1", h.row)
	s.openClosed(h)
	h.owner = r.Owner
	s.ready(ref, h)
	return answered
}

// openClosed opens the channels again that were closed with the account which one
// had on a hub before.
func (s *step) openClosed(h hub) {
	for _, row := range list(s.book, readNumber, "SELECT channel FROM places WHERE hub = ? AND opened = 1 AND dropped = 0 AND standing = ? ORDER BY channel",
		h.row, int(Closed)) {
		if ch := s.channels[row]; ch != nil && ch.state == stateMember && !s.hasClosed(h) {
			s.book.run("UPDATE places SET later = 0 WHERE channel = ? AND hub = ?", row, h.row)
			s.openFirst(ch, h.row)
		}
	}
}

// forgetAccount takes back that a hub is one's own.
func (s *step) forgetAccount(h hub) {
	s.book.run("UPDATE hubs SET account = NULL, secret = NULL, claimed = 0, owner = 0 WHERE id = ?", h.row)
	s.book.run("DELETE FROM settings WHERE name = ?", settingAccount(h.row))
	if s.book.number("SELECT count(*) FROM places WHERE hub = ?", h.row) == 0 && !s.peeks(h.row) {
		s.book.run("DELETE FROM calls WHERE hub = ?", h.row)
		s.book.run("UPDATE entries SET hub = 0 WHERE hub = ?", h.row) // the number may be another hub's next
		s.book.run("DELETE FROM hubs WHERE id = ?", h.row)
		s.forgetState(h.row)
	}
}

// settingHome names the hub that the user has added last, by its fingerprint.
const settingHome = "home"

// ready tells that a hub is one's own. Channels that one opens from now on live
// there, unless it is the embedded one.
func (s *step) ready(ref Ref, h hub) {
	keeps := !h.embedded && !h.empty
	if keeps {
		s.book.set(settingHome, hex.EncodeToString(h.address.Fingerprint[:]))
	}
	s.emit(HubReady{Ref: ref, Hub: h.address, Embedded: h.embedded, Owner: h.owner})
	if keeps {
		s.book.run("DELETE FROM unmirrored WHERE hub = ? AND why = ?", h.row, mirrorRefused)
		s.mirrors()
	}
}

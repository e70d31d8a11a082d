package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"hubbub/channels/wire"
)

// The states of a slot. All but the first are for ever.
const (
	slotOpen      = 0
	slotRedeemed  = 1
	slotWithdrawn = 2
)

// maxJoin is how many entries a redeem may bring.
const maxJoin = 16

// slot is a row of slots, without its blob, and what matters of its channel.
type slot struct {
	channel int64
	banned  bool
	ended   bool // the channel was closed
	offerer []byte
	number  int64
	invite  []byte
	expires int64
	state   int
	filled  bool // has its blob, as open slots do that have not long expired
}

// slot returns nil if there is none.
func (t *tx) slot(id wire.Slot) (*slot, error) {
	s := new(slot)
	ok, err := t.row(`SELECT s.channel, s.offerer, s.number, s.invite, s.expires, s.state, s.blob IS NOT NULL,
			coalesce(c.banned, 0) OR coalesce(a.banned, 0), coalesce(c.closed, 0) > 0
		FROM slots s LEFT JOIN channels c ON c.n = s.channel LEFT JOIN accounts a ON a.token = c.account WHERE s.slot = ?`,
		[]any{id[:]}, &s.channel, &s.offerer, &s.number, &s.invite, &s.expires, &s.state, &s.filled, &s.banned, &s.ended)
	if err != nil || !ok {
		return nil, err
	}
	return s, nil
}

// closed refuses a slot that is not open any more.
func (s *slot) closed() error {
	switch s.state {
	case slotRedeemed:
		return refuse(wire.CodeUsed, "the one-time key was used")
	case slotWithdrawn:
		return refuse(wire.CodeWithdrawn, "the one-time key was withdrawn")
	}
	return nil
}

// Offer implements Tx.
func (t *tx) Offer(channel wire.Channel, caller wire.Token, args wire.OfferArgs) error {
	if len(args.Blob) == 0 || len(args.Blob) > wire.MaxBlob || args.Number < 1 {
		return refuse(wire.CodeBad, "a slot has a number from 1 and a blob of 1 to 131072 bytes")
	}
	m, err := t.member(channel, caller)
	if err != nil {
		return err
	}
	s, err := t.slot(args.Slot)
	if err != nil {
		return err
	}
	if s == nil {
		if err := t.takes(&m); err != nil {
			return err
		}
		if err := t.spend(caller, m.account, len(args.Blob)); err != nil {
			return err
		}
		return t.offer(&m, caller, args)
	}
	if s.channel != m.n {
		return refuse(wire.CodeDenied, "the slot is another channel's")
	}
	if err := s.closed(); err != nil {
		return err
	}
	if !bytes.Equal(s.invite, args.Invite[:]) {
		return refuse(wire.CodeDenied, "the slot is another invite's")
	}
	if args.Number <= s.number {
		return t.offered(s, args)
	}
	if err := t.takes(&m); err != nil {
		return err
	}
	if err := t.spend(caller, m.account, len(args.Blob)); err != nil {
		return err
	}
	if !s.filled {
		if err := t.roomForBlob(m.n); err != nil {
			return err
		}
	}
	if err := t.roomForBlobs(&m, args); err != nil {
		return err
	}
	return t.exec(`UPDATE slots SET number = ?, expires = ?, blob = ? WHERE slot = ?`,
		args.Number, args.Expires, args.Blob, args.Slot[:])
}

// offer puts up a slot that was not there.
func (t *tx) offer(m *member, caller wire.Token, args wire.OfferArgs) error {
	if err := t.roomForSlot(m.n); err != nil {
		return err
	}
	if err := t.roomForBlob(m.n); err != nil {
		return err
	}
	if err := t.roomForBlobs(m, args); err != nil {
		return err
	}
	return t.exec(`INSERT INTO slots (slot, channel, offerer, number, invite, expires, blob, state) VALUES (?, ?, ?, ?, ?, ?, ?, 0)`,
		args.Slot[:], m.n, caller[:], args.Number, args.Invite[:], args.Expires, args.Blob)
}

// roomForBlobs refuses blobs beyond the quota of the channel's account. They are
// counted by themselves: whoever has filled it with texts can still invite.
func (t *tx) roomForBlobs(m *member, args wire.OfferArgs) error {
	var quota, others int64
	if _, err := t.row(`SELECT quota FROM accounts WHERE token = ?`, []any{m.account}, &quota); err != nil || quota <= 0 {
		return err
	}
	_, err := t.row(`SELECT coalesce(sum(length(s.blob)), 0) FROM channels c JOIN slots s ON s.channel = c.n AND s.state = 0
		WHERE c.account = ? AND s.slot <> ?`, []any{m.account, args.Slot[:]}, &others)
	if err == nil && others+int64(len(args.Blob)) > quota {
		err = refuse(wire.CodeFull, "the account has as many open invites as its quota allows")
	}
	return err
}

// roomForBlob refuses an open slot more than the channel may have. Those that
// have expired make room: their blobs, which are what takes room, are dropped
// once no clock that the hub puts up with can think them good.
func (t *tx) roomForBlob(channel int64) error {
	count := func() (open int64, err error) {
		_, err = t.row(`SELECT count(*) FROM slots WHERE channel = ? AND state = 0 AND blob IS NOT NULL`, []any{channel}, &open)
		return open, err
	}
	open, err := count()
	if err != nil || open < t.limits.Slots {
		return err
	}
	err = t.exec(`UPDATE slots SET blob = NULL WHERE channel = ? AND state = 0 AND expires <= ? AND blob IS NOT NULL`,
		channel, t.now.Add(-wire.MaxSkew).Unix())
	if err != nil {
		return err
	}
	if open, err = count(); err != nil || open < t.limits.Slots {
		return err
	}
	return refuse(wire.CodeFull, "the channel has as many open invites as it may have")
}

// offered says whether an offer is the one that stands, repeated.
func (t *tx) offered(s *slot, args wire.OfferArgs) error {
	var blob []byte
	if _, err := t.row(`SELECT blob FROM slots WHERE slot = ?`, []any{args.Slot[:]}, &blob); err != nil {
		return err
	}
	if args.Number == s.number && args.Expires == s.expires && bytes.Equal(blob, args.Blob) {
		return nil
	}
	return refuse(wire.CodeStale, "the slot was renewed meanwhile")
}

// Peek implements Tx.
func (t *tx) Peek(caller wire.Token, args wire.PeekArgs) (wire.PeekResult, error) {
	s, err := t.inviteSlot(caller, args.Slot)
	if err != nil {
		return wire.PeekResult{}, err
	}
	if err := s.closed(); err != nil {
		return wire.PeekResult{}, err
	}
	if t.now.Unix() >= s.expires || !s.filled {
		return wire.PeekResult{}, refuse(wire.CodeExpired, "the one-time key has expired")
	}
	result := wire.PeekResult{Number: s.number, Expires: s.expires}
	_, err = t.row(`SELECT blob FROM slots WHERE slot = ?`, []any{args.Slot[:]}, &result.Blob)
	return result, err
}

// inviteSlot returns a slot for a call signed by its invite key.
func (t *tx) inviteSlot(caller wire.Token, id wire.Slot) (*slot, error) {
	s, err := t.slot(id)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return nil, refuse(wire.CodeUnknown, "no such one-time key here")
	case s.state == slotWithdrawn:
		// A slot may have been withdrawn before it was ever offered here.
		return nil, s.closed()
	case !bytes.Equal(s.invite, caller[:]):
		return nil, refuse(wire.CodeDenied, "the call is not signed by the one-time key")
	case s.banned:
		return nil, errBanned
	}
	return s, nil
}

// Redeem implements Tx.
func (t *tx) Redeem(caller wire.Token, args wire.RedeemArgs) (wire.RedeemResult, error) {
	if err := checkJoin(args); err != nil {
		return wire.RedeemResult{}, err
	}
	s, err := t.inviteSlot(caller, args.Slot)
	if err != nil {
		return wire.RedeemResult{}, err
	}
	switch {
	case s.state == slotRedeemed:
		return t.redeemed(s, args)
	case t.now.Unix() >= s.expires:
		return wire.RedeemResult{}, refuse(wire.CodeExpired, "the one-time key has expired")
	case args.Number != s.number:
		return wire.RedeemResult{}, refuse(wire.CodeStale, "the slot was renewed meanwhile")
	}
	return t.redeem(s, args)
}

// checkJoin refuses entries that no join has.
func checkJoin(args wire.RedeemArgs) error {
	if len(args.Entries) == 0 || len(args.Entries) > maxJoin {
		return refuse(wire.CodeBad, "a redeem brings 1 to 16 entries")
	}
	for _, entry := range args.Entries {
		if err := checkEntry(entry); err != nil {
			return err
		}
	}
	return nil
}

// joinSize is how many bytes the entries of a redeem have.
func joinSize(entries [][]byte) (size int) {
	for _, entry := range entries {
		size += len(entry)
	}
	return size
}

// joinHash is over the entries of a redeem.
func joinHash(entries [][]byte) []byte {
	h := sha256.New()
	for _, entry := range entries {
		id := sha256.Sum256(entry)
		h.Write(id[:])
	}
	return h.Sum(nil)
}

// redeemed answers for a slot that was taken before.
func (t *tx) redeemed(s *slot, args wire.RedeemArgs) (wire.RedeemResult, error) {
	var token, joined, positions []byte
	_, err := t.row(`SELECT token, joined, positions FROM slots WHERE slot = ?`, []any{args.Slot[:]}, &token, &joined, &positions)
	if err != nil {
		return wire.RedeemResult{}, err
	}
	if !bytes.Equal(token, args.Token[:]) || !bytes.Equal(joined, joinHash(args.Entries)) {
		return wire.RedeemResult{}, s.closed()
	}
	var result wire.RedeemResult
	for ; len(positions) >= 8; positions = positions[8:] {
		result.Positions = append(result.Positions, int64(binary.BigEndian.Uint64(positions)))
	}
	return result, nil
}

// redeem takes an open slot: it lets the token in, appends the entries and
// closes the slot. All refusals come before the first write.
func (t *tx) redeem(s *slot, args wire.RedeemArgs) (wire.RedeemResult, error) {
	all, err := t.tree(s.channel)
	if err != nil {
		return wire.RedeemResult{}, err
	}
	known := all[args.Token]
	switch {
	case known != nil && known.banned:
		return wire.RedeemResult{}, errBanned
	case known != nil && known.revoked:
		return wire.RedeemResult{}, refuse(wire.CodeRevoked, "the token was put out, and never comes back")
	}
	if err := t.takes(&member{closed: s.ended}); err != nil {
		return wire.RedeemResult{}, err
	}
	// Whoever joins has nothing yet: it is taken from him who lets him in.
	if err := t.spend(wire.Token(s.offerer), nil, joinSize(args.Entries)); err != nil {
		return wire.RedeemResult{}, err
	}
	if err := t.roomToJoin(s, args, known == nil, len(all)); err != nil {
		return wire.RedeemResult{}, err
	}
	if known == nil {
		if err := t.admit(s.channel, args.Token, wire.Token(s.offerer), len(all)); err != nil {
			return wire.RedeemResult{}, err
		}
	}
	result, err := t.appendJoin(s.channel, args)
	if err != nil {
		return wire.RedeemResult{}, err
	}
	var positions []byte
	for _, position := range result.Positions {
		positions = binary.BigEndian.AppendUint64(positions, uint64(position))
	}
	return result, t.exec(`UPDATE slots SET state = ?, blob = NULL, token = ?, joined = ?, positions = ? WHERE slot = ?`,
		slotRedeemed, args.Token[:], joinHash(args.Entries), positions, args.Slot[:])
}

// roomToJoin refuses a redeem for which there is no room, and none to be made.
func (t *tx) roomToJoin(s *slot, args wire.RedeemArgs, isNew bool, count int) error {
	if isNew && int64(count) >= t.limits.Tokens {
		return refuse(wire.CodeFull, "the channel has all the members it may have")
	}
	var size int64
	for _, entry := range args.Entries {
		size += charge(len(entry))
	}
	m := member{n: s.channel}
	_, err := t.row(`SELECT c.account, c.oldest, c.text, c.keep, c.quota, coalesce(t.keep, 0) FROM channels c
		LEFT JOIN tokens t ON t.channel = c.n AND t.token = ? WHERE c.n = ?`,
		[]any{args.Token[:], s.channel}, &m.account, &m.oldest, &m.text, &m.keep, &m.quota, &m.kept)
	if err != nil {
		return err
	}
	_, err = t.fit(&m, wire.ClassKeep, size)
	return err
}

// appendJoin appends the entries of a redeem, which are wanted even if the hub
// once dropped them.
func (t *tx) appendJoin(channel int64, args wire.RedeemArgs) (wire.RedeemResult, error) {
	m := member{n: channel}
	if _, err := t.row(`SELECT last, text, keep FROM channels WHERE n = ?`, []any{channel}, &m.last, &m.text, &m.keep); err != nil {
		return wire.RedeemResult{}, err
	}
	var result wire.RedeemResult
	for _, entry := range args.Entries {
		id := wire.EntryID(sha256.Sum256(entry))
		position, err := t.position(channel, id)
		if err == nil && position == 0 {
			position, err = t.append(&m, args.Token, id, wire.ClassKeep, entry)
		}
		if err != nil {
			return wire.RedeemResult{}, err
		}
		result.Positions = append(result.Positions, position)
	}
	return result, nil
}

// Withdraw implements Tx. A slot that was never offered here is closed too, in
// case the offer is still on its way.
func (t *tx) Withdraw(channel wire.Channel, caller wire.Token, args wire.WithdrawArgs) error {
	m, err := t.member(channel, caller)
	if err != nil {
		return err
	}
	s, err := t.slot(args.Slot)
	if err != nil {
		return err
	}
	if s == nil && m.closed {
		return nil // it takes no offer either
	}
	if s == nil {
		return t.withdrawUnseen(m.n, caller, args.Slot)
	}
	if s.channel != m.n {
		return refuse(wire.CodeDenied, "the slot is another channel's")
	}
	if s.state != slotOpen {
		return nil
	}
	return t.exec(`UPDATE slots SET state = ?, blob = NULL WHERE slot = ?`, slotWithdrawn, args.Slot[:])
}

// withdrawUnseen closes a slot that is not known.
func (t *tx) withdrawUnseen(channel int64, caller wire.Token, id wire.Slot) error {
	if err := t.roomForSlot(channel); err != nil {
		return err
	}
	return t.exec(`INSERT INTO slots (slot, channel, offerer, number, invite, expires, state) VALUES (?, ?, ?, 0, x'', 0, ?)`,
		id[:], channel, caller[:], slotWithdrawn)
}

// maxSlots bounds the slots of a channel, closed ones too, for those stay for
// ever.
const maxSlots = 1 << 16

// roomForSlot refuses a slot more than maxSlots.
func (t *tx) roomForSlot(channel int64) error {
	var slots int64
	_, err := t.row(`SELECT count(*) FROM slots WHERE channel = ?`, []any{channel}, &slots)
	if err == nil && slots >= maxSlots {
		err = refuse(wire.CodeFull, "the channel has had too many invites")
	}
	return err
}

package store

import (
	"bytes"

	"hubbub/channels/wire"
)

// Claim implements Tx.
func (t *tx) Claim(caller wire.Token, key KeyHash, unused *Account) (Account, error) {
	var holder []byte
	used, err := t.row(`SELECT token FROM accounts WHERE key = ?`, []any{key[:]}, &holder)
	switch {
	case err != nil:
		return Account{}, err
	case used && !bytes.Equal(holder, caller[:]):
		return Account{}, refuse(wire.CodeUsed, "this account key was used already")
	case used:
		return t.Account(caller)
	case unused == nil:
		return t.claimAsGuest(caller, key)
	}
	err = t.exec(`INSERT INTO accounts (token, key, owner, quota) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (token) DO UPDATE SET key = ?2, quota = iif(owner, quota, ?4), owner = max(owner, ?3),
			name = iif(?3, NULL, name), banned = iif(?3, 0, banned)`,
		caller[:], key[:], unused.Owner, unused.Quota)
	if err != nil {
		return Account{}, err
	}
	return t.Account(caller)
}

// Account implements Tx.
func (t *tx) Account(caller wire.Token) (Account, error) {
	var a Account
	var banned bool
	ok, err := t.row(`SELECT owner, quota, banned FROM accounts WHERE token = ?`, []any{caller[:]}, &a.Owner, &a.Quota, &banned)
	switch {
	case err != nil:
		return Account{}, err
	case !ok:
		return Account{}, refuse(wire.CodeDenied, "not an account of this hub")
	case banned:
		return Account{}, errBanned
	}
	return a, nil
}

// Owners implements Tx.
func (t *tx) Owners() ([]Owner, error) {
	rows, err := t.query(`SELECT token, key FROM accounts WHERE owner ORDER BY token`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var owners []Owner
	for rows.Next() {
		var token, key []byte
		if err := rows.Scan(&token, &key); err != nil {
			return nil, err
		}
		owner := Owner{}
		if len(token) != len(owner.Token) || len(key) != len(owner.Key) {
			return nil, errDamaged
		}
		owner.Token, owner.Key = wire.Token(token), KeyHash(key)
		owners = append(owners, owner)
	}
	return owners, rows.Err()
}

// Own implements Tx.
func (t *tx) Own(owner Owner, alone bool) error {
	if alone {
		if err := t.exec(`DELETE FROM accounts WHERE owner AND token <> ?`, owner.Token[:]); err != nil {
			return err
		}
	}
	return t.exec(`INSERT INTO accounts (token, key, owner, quota) VALUES (?, ?, 1, 0)
		ON CONFLICT (token) DO UPDATE SET owner = 1, quota = 0, name = NULL, banned = 0 ON CONFLICT DO NOTHING`,
		owner.Token[:], owner.Key[:])
}

// maxChannels is how many channels a guest may have opened.
const maxChannels = 1024

// Open implements Tx.
func (t *tx) Open(channel wire.Channel, caller wire.Token, args wire.OpenArgs) error {
	account, err := t.Account(caller)
	if err != nil {
		return err
	}
	if channel == (wire.Channel{}) {
		return refuse(wire.CodeBad, "no channel is named")
	}
	var c opened
	ok, err := t.row(`SELECT c.n, c.account, c.root, c.closed, c.banned, t.revoked FROM channels c
		JOIN tokens t ON t.channel = c.n AND t.token = c.root WHERE c.channel = ?`,
		[]any{channel[:]}, &c.n, &c.account, &c.root, &c.closed, &c.banned, &c.revoked)
	switch {
	case err != nil:
		return err
	case !ok:
		return t.open(channel, caller, account, args.Root)
	case !bytes.Equal(c.root, args.Root[:]):
		return refuse(wire.CodeDenied, "the channel was opened with another root")
	case c.banned:
		return errBanned
	case c.revoked:
		return refuse(wire.CodeRevoked, "the root was put out of this channel")
	case c.closed > 0:
		return t.openAgain(c, caller)
	}
	return nil
}

// opened is a channel that there is, as somebody sees it who would open it.
type opened struct {
	n               int64
	account, root   []byte
	closed          int64
	banned, revoked bool
}

// open makes a channel with the one token root in it.
func (t *tx) open(channel wire.Channel, caller wire.Token, account Account, root wire.Token) error {
	if err := t.going(); err != nil {
		return err
	}
	wait, err := t.Spend(KeyOfBudget("opens", caller[:]), 1, Budget{dailyOpens, daily})
	if err == nil && wait > 0 {
		err = tooMuch("the account has opened as many channels as it may for now", wait)
	}
	if err != nil {
		return err
	}
	if !account.Owner {
		var channels int64
		_, err := t.row(`SELECT count(*) FROM channels WHERE account = ?`, []any{caller[:]}, &channels)
		if err == nil && channels >= maxChannels {
			err = refuse(wire.CodeFull, "the account has opened as many channels as it may")
		}
		if err != nil {
			return err
		}
	}
	err = t.exec(`INSERT INTO channels (channel, account, root) VALUES (?, ?, ?)`, channel[:], caller[:], root[:])
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO tokens (channel, token) SELECT n, root FROM channels WHERE channel = ?`, channel[:])
}

// Status implements Tx.
func (t *tx) Status(channel wire.Channel, caller wire.Token) (wire.StatusResult, error) {
	if channel == (wire.Channel{}) {
		return t.accountStatus(caller)
	}
	m, err := t.member(channel, caller)
	if err != nil {
		return wire.StatusResult{}, err
	}
	s := wire.StatusResult{Entries: m.entries, Bytes: m.text + m.keep, Head: m.last}
	if s.Quota, err = t.quota(&m); err != nil {
		return wire.StatusResult{}, err
	}
	if s.Closes, err = t.Closes(); err != nil {
		return wire.StatusResult{}, err
	}
	_, err = t.row(`SELECT count(*) FROM tokens WHERE channel = ? AND revoked = 0`, []any{m.n}, &s.Tokens)
	return s, err
}

// accountStatus is over all channels of the account.
func (t *tx) accountStatus(caller wire.Token) (wire.StatusResult, error) {
	a, err := t.Account(caller)
	if err != nil {
		return wire.StatusResult{}, err
	}
	s := wire.StatusResult{Quota: a.Quota, Owner: a.Owner}
	if s.Closes, err = t.Closes(); err != nil {
		return s, err
	}
	_, err = t.row(`SELECT coalesce(sum(entries), 0), coalesce(sum(text + keep), 0) FROM channels WHERE account = ?`,
		[]any{caller[:]}, &s.Entries, &s.Bytes)
	if err != nil {
		return s, err
	}
	total, err := t.totalLeft()
	if total != noLimit && (s.Quota == 0 || s.Quota-s.Bytes > total) {
		s.Quota = max(1, s.Bytes+total)
	}
	return s, err
}

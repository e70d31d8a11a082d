package store

import (
	"bytes"
	"math"

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
		return Account{}, refuse(wire.CodeDenied, "no such account key")
	}
	err = t.exec(`INSERT INTO accounts (token, key, owner, quota) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (token) DO UPDATE SET key = ?2, quota = iif(owner, quota, ?4), owner = max(owner, ?3)`,
		caller[:], key[:], unused.Owner, unused.Quota)
	if err != nil {
		return Account{}, err
	}
	return t.Account(caller)
}

// Account implements Tx.
func (t *tx) Account(caller wire.Token) (Account, error) {
	var a Account
	ok, err := t.row(`SELECT owner, quota FROM accounts WHERE token = ?`, []any{caller[:]}, &a.Owner, &a.Quota)
	if err == nil && !ok {
		err = refuse(wire.CodeDenied, "not an account of this hub")
	}
	return a, err
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
func (t *tx) Own(owner Owner) error {
	return t.exec(`INSERT INTO accounts (token, key, owner, quota) VALUES (?, ?, 1, 0) ON CONFLICT DO NOTHING`,
		owner.Token[:], owner.Key[:])
}

// Open implements Tx.
func (t *tx) Open(channel wire.Channel, caller wire.Token, args wire.OpenArgs) error {
	if _, err := t.Account(caller); err != nil {
		return err
	}
	if channel == (wire.Channel{}) {
		return refuse(wire.CodeBad, "no channel is named")
	}
	var root []byte
	var revoked bool
	ok, err := t.row(`SELECT c.root, t.revoked FROM channels c JOIN tokens t ON t.channel = c.n AND t.token = c.root
		WHERE c.channel = ?`, []any{channel[:]}, &root, &revoked)
	switch {
	case err != nil:
		return err
	case !ok:
		return t.open(channel, caller, args.Root)
	case !bytes.Equal(root, args.Root[:]):
		return refuse(wire.CodeDenied, "the channel was opened with another root")
	case revoked:
		return refuse(wire.CodeRevoked, "the root was put out of this channel")
	}
	return nil
}

// open makes a channel with the one token root in it.
func (t *tx) open(channel wire.Channel, account, root wire.Token) error {
	err := t.exec(`INSERT INTO channels (channel, account, root) VALUES (?, ?, ?)`, channel[:], account[:], root[:])
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO tokens (channel, token) SELECT n, root FROM channels WHERE channel = ?`, channel[:])
}

// room refuses what would take the channel's account, or the hub, beyond its
// quota by grow bytes.
func (t *tx) room(account []byte, grow int64) error {
	left, err := t.accountLeft(account)
	if err == nil && left < grow {
		err = refuse(wire.CodeFull, "the account's quota is spent")
	}
	if err != nil {
		return err
	}
	left, err = t.totalLeft()
	if err == nil && left < grow {
		err = refuse(wire.CodeFull, "the hub has no room left")
	}
	return err
}

// noLimit is what is left where nothing limits.
const noLimit = math.MaxInt64

// accountLeft is how many bytes the account's quota leaves; less than none where
// it was made smaller.
func (t *tx) accountLeft(account []byte) (int64, error) {
	var quota, used int64
	if _, err := t.row(`SELECT quota FROM accounts WHERE token = ?`, []any{account}, &quota); err != nil || quota <= 0 {
		return noLimit, err
	}
	_, err := t.row(`SELECT coalesce(sum(text + keep), 0) FROM channels WHERE account = ?`, []any{account}, &used)
	return quota - used, err
}

// totalLeft is how many bytes the hub's limit leaves.
func (t *tx) totalLeft() (int64, error) {
	if t.limits.Total <= 0 {
		return noLimit, nil
	}
	var used int64
	_, err := t.row(`SELECT coalesce(sum(text + keep), 0) FROM channels`, nil, &used)
	return t.limits.Total - used, err
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
	_, err = t.row(`SELECT count(*) FROM tokens WHERE channel = ? AND revoked = 0`, []any{m.n}, &s.Tokens)
	return s, err
}

// quota is how many bytes the channel may hold, all in all, before its oldest
// texts are dropped or entries refused: whatever binds first of its own limit of
// texts, its account's quota and the hub's.
func (t *tx) quota(m *member) (int64, error) {
	account, err := t.accountLeft(m.account)
	if err != nil {
		return 0, err
	}
	total, err := t.totalLeft()
	if err != nil {
		return 0, err
	}
	left := min(t.limits.Text-m.text, account, total)
	return max(1, m.text+m.keep+left), nil // 0 would be no limit
}

// accountStatus is over all channels of the account.
func (t *tx) accountStatus(caller wire.Token) (wire.StatusResult, error) {
	a, err := t.Account(caller)
	if err != nil {
		return wire.StatusResult{}, err
	}
	s := wire.StatusResult{Quota: a.Quota, Owner: a.Owner}
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

package store

import (
	"unicode"
	"unicode/utf8"

	"hubbub/channels/wire"
)

// A guest is a row of keys until he claims, and of accounts from then on. No name
// is in both.

// checkGuestName refuses what is no guest's name.
func checkGuestName(name string) error {
	first, _ := utf8.DecodeRuneInString(name)
	last, _ := utf8.DecodeLastRuneInString(name)
	good := name != "" && len(name) <= wire.MaxGuestName && utf8.ValidString(name) && first != ' ' && last != ' '
	for _, r := range name {
		good = good && unicode.IsPrint(r)
	}
	if !good {
		return refuse(wire.CodeBad, "a guest's name is of 1 to 64 bytes that can be shown, with no space at its ends")
	}
	return nil
}

// Guest implements Tx.
func (t *tx) Guest(args wire.GuestArgs) error {
	if err := checkGuestName(args.Name); err != nil {
		return err
	}
	if err := checkQuota(args.Quota); err != nil {
		return err
	}
	switch by, err := t.claimedBy(args.Key); {
	case err != nil:
		return err
	case by != nil && *by == args.Name:
		return nil // he was quick
	case by != nil:
		return refuse(wire.CodeUsed, "this account key was used already")
	}
	if args.Expires <= t.now.Unix() || args.Expires > maxNumber {
		return refuse(wire.CodeExpired, "the account key would have expired already")
	}
	if err := t.going(); err != nil {
		return err
	}
	return t.invite(args)
}

// claimedBy is the name of the account that has used the key: nil if none has, ""
// if it is no guest's.
func (t *tx) claimedBy(key KeyHash) (*string, error) {
	var name string
	ok, err := t.row(`SELECT coalesce(name, '') FROM accounts WHERE key = ?`, []any{key[:]}, &name)
	if err != nil || !ok {
		return nil, err
	}
	return &name, nil
}

// invite puts up a guest's key, in the place of one that the name had.
func (t *tx) invite(args wire.GuestArgs) error {
	var other int64
	taken, err := t.row(`SELECT 1 FROM accounts WHERE name = ?`, []any{args.Name}, &other)
	if err == nil && taken {
		return refuse(wire.CodeUsed, "a guest of this name has an account already")
	}
	if err == nil {
		taken, err = t.row(`SELECT 1 FROM keys WHERE key = ? AND name <> ?`, []any{args.Key[:], args.Name}, &other)
	}
	if err == nil && taken {
		return refuse(wire.CodeUsed, "this account key is another guest's")
	}
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO keys (key, name, quota, made, expires) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT (name) DO UPDATE SET key = ?1, quota = ?3, expires = ?5`,
		args.Key[:], args.Name, args.Quota, t.now.Unix(), args.Expires)
}

// claimAsGuest is Claim for a key that is a guest's, or none.
func (t *tx) claimAsGuest(caller wire.Token, key KeyHash) (Account, error) {
	var name string
	var made, expires int64
	var banned bool
	guest := Account{}
	ok, err := t.row(`SELECT name, quota, made, expires, banned FROM keys WHERE key = ?`, []any{key[:]},
		&name, &guest.Quota, &made, &expires, &banned)
	switch {
	case err != nil:
		return Account{}, err
	case !ok:
		return Account{}, refuse(wire.CodeDenied, "no such account key")
	case banned:
		return Account{}, errBanned
	case t.now.Unix() >= expires:
		return Account{}, refuse(wire.CodeExpired, "the account key has expired")
	}
	if account, err := t.Account(caller); !isCode(err, wire.CodeDenied) {
		return account, err // he has one: the key is left for somebody else
	}
	if err := t.going(); err != nil {
		return Account{}, err
	}
	if err := t.exec(`DELETE FROM keys WHERE key = ?`, key[:]); err != nil {
		return Account{}, err
	}
	return guest, t.exec(`INSERT INTO accounts (token, key, owner, quota, name, made, claimed) VALUES (?, ?, 0, ?, ?, ?, ?)`,
		caller[:], key[:], guest.Quota, name, made, t.now.Unix())
}

// DropGuest implements Tx.
func (t *tx) DropGuest(args wire.DropGuestArgs) error {
	var account []byte
	claimed, err := t.row(`SELECT token FROM accounts WHERE name = ?`, []any{args.Name}, &account)
	if err != nil {
		return err
	}
	if !claimed {
		return t.change(`DELETE FROM keys WHERE name = ? RETURNING 1`, "no such guest here", args.Name)
	}
	if err := t.closeAll(account); err != nil {
		return err
	}
	return t.exec(`DELETE FROM accounts WHERE token = ?`, account)
}

// Guests implements Tx.
func (t *tx) Guests(args wire.GuestsArgs, limit int) (result wire.GuestsResult, err error) {
	rows, err := t.query(`SELECT name, quota, made, claimed, 0, banned, token FROM accounts WHERE name > ?1
		UNION ALL SELECT name, quota, made, 0, expires, banned, NULL FROM keys WHERE name > ?1
		ORDER BY 1 LIMIT ?2`, args.After, limit+1)
	if err != nil {
		return result, err
	}
	defer rows.Close()
	var accounts [][]byte
	for rows.Next() {
		if len(result.Guests) == limit {
			result.More = true
			break
		}
		var g wire.Guest
		var account []byte
		if err := rows.Scan(&g.Name, &g.Quota, &g.Made, &g.Claimed, &g.Expires, &g.Banned, &account); err != nil {
			return result, err
		}
		result.Guests, accounts = append(result.Guests, g), append(accounts, account)
	}
	if err := rows.Err(); err != nil {
		return result, err
	}
	rows.Close()
	for i, account := range accounts {
		g := &result.Guests[i]
		if account == nil {
			continue
		}
		if _, err := t.row(`SELECT count(*), coalesce(sum(text + keep), 0) FROM channels WHERE account = ?`, []any{account},
			&g.Channels, &g.Bytes); err != nil {
			return result, err
		}
	}
	return result, nil
}

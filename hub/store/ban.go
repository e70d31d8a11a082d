package store

import "hubbub/channels/wire"

// errBanned refuses everything to whom the owner has banned.
var errBanned = refuse(wire.CodeBanned, "the hub's owner serves this one no more")

// Ban implements Tx. Owners cannot be banned: they have no names, and their
// calls ask for no ban.
func (t *tx) Ban(args wire.BanArgs) error {
	zero := args.Channel == wire.Channel{}
	switch {
	case (args.Name == "") == zero, zero && args.Token != wire.Token{}:
		return refuse(wire.CodeBad, "a ban is of a guest, a channel, or a token in a channel")
	case len(args.Keep) > 0 && (!zero || args.Lift), len(args.Keep) > wire.MaxKept:
		return refuse(wire.CodeBad, "channels are kept where a guest is banned, and not so many")
	case zero:
		if err := t.keepChannels(args.Name, args.Keep); err != nil {
			return err
		}
		return t.changeGuest(`UPDATE accounts SET banned = ? WHERE name = ? RETURNING 1`,
			`UPDATE keys SET banned = ? WHERE name = ? RETURNING 1`, !args.Lift, args.Name)
	case args.Token == wire.Token{}:
		return t.change(`UPDATE channels SET banned = ? WHERE channel = ? RETURNING n`, "no such channel here", !args.Lift, args.Channel[:])
	}
	return t.change(`UPDATE tokens SET banned = ? WHERE channel = (SELECT n FROM channels WHERE channel = ?) AND token = ?
		RETURNING channel`, "no such token there", !args.Lift, args.Channel[:], args.Token[:])
}

// keepChannels gives channels that a guest has opened to the hub's owner, and bans his
// own token in them. What is not his is passed over.
func (t *tx) keepChannels(name string, channels []wire.Channel) error {
	for _, id := range channels {
		var n int64
		ok, err := t.row(`UPDATE channels SET account = (SELECT token FROM accounts WHERE owner = 1 ORDER BY token LIMIT 1)
			WHERE channel = ? AND account = (SELECT token FROM accounts WHERE name = ?)
			AND EXISTS (SELECT 1 FROM accounts WHERE owner = 1) RETURNING n`, []any{id[:], name}, &n)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		t.wrote = true
		if err := t.exec(`UPDATE tokens SET banned = 1 WHERE channel = ?1 AND token = (SELECT root FROM channels WHERE n = ?1)`, n); err != nil {
			return err
		}
	}
	return nil
}

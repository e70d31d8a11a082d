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
	case zero:
		return t.changeGuest(`UPDATE accounts SET banned = ? WHERE name = ? RETURNING 1`,
			`UPDATE keys SET banned = ? WHERE name = ? RETURNING 1`, !args.Lift, args.Name)
	case args.Token == wire.Token{}:
		return t.change(`UPDATE channels SET banned = ? WHERE channel = ? RETURNING n`, "no such channel here", !args.Lift, args.Channel[:])
	}
	return t.change(`UPDATE tokens SET banned = ? WHERE channel = (SELECT n FROM channels WHERE channel = ?) AND token = ?
		RETURNING channel`, "no such token there", !args.Lift, args.Channel[:], args.Token[:])
}

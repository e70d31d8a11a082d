package store

import (
	"hubbub/channels/wire"
)

// tree is who let whom in to a channel, including those who were put out.
type tree map[wire.Token]*node

type node struct {
	parent  *wire.Token // nil: nobody is above
	revoked bool
	banned  bool
}

// tree reads the channel's tree.
func (t *tx) tree(channel int64) (tree, error) {
	rows, err := t.query(`SELECT token, parent, revoked, banned FROM tokens WHERE channel = ?`, channel)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make(tree)
	for rows.Next() {
		var token, parent []byte
		n := new(node)
		if err := rows.Scan(&token, &parent, &n.revoked, &n.banned); err != nil {
			return nil, err
		}
		if len(token) != len(wire.Token{}) || (parent != nil && len(parent) != len(wire.Token{})) {
			return nil, errDamaged
		}
		if parent != nil {
			n.parent = (*wire.Token)(parent)
		}
		all[wire.Token(token)] = n
	}
	return all, rows.Err()
}

// below says whether token stands somewhere below other.
func (all tree) below(token, other wire.Token) bool {
	n := all[token]
	for n != nil && n.parent != nil {
		if *n.parent == other {
			return true
		}
		n = all[*n.parent]
	}
	return false
}

// belowAny says whether token stands somewhere below one of others.
func (all tree) belowAny(token wire.Token, others map[wire.Token]bool) bool {
	n := all[token]
	for n != nil && n.parent != nil {
		if others[*n.parent] {
			return true
		}
		n = all[*n.parent]
	}
	return false
}

// Grant implements Tx. A token that is in already stays where it is.
func (t *tx) Grant(channel wire.Channel, caller wire.Token, args wire.GrantArgs) error {
	m, err := t.member(channel, caller)
	if err != nil {
		return err
	}
	all, err := t.tree(m.n)
	if err != nil {
		return err
	}
	if known := all[args.Token]; known != nil {
		if known.revoked {
			return refuse(wire.CodeRevoked, "the token was put out, and never comes back")
		}
		return nil
	}
	if args.Under != caller && !all.below(args.Under, caller) {
		return refuse(wire.CodeDenied, "the token to grant under is not below the caller")
	}
	if all[args.Under].revoked {
		return refuse(wire.CodeDenied, "the token to grant under was put out")
	}
	if err := t.takes(&m); err != nil {
		return err
	}
	if err := t.spend(caller, m.account, 0); err != nil {
		return err
	}
	return t.admit(m.n, args.Token, args.Under, len(all))
}

// admit lets token in below parent, into a tree of count tokens.
func (t *tx) admit(channel int64, token, parent wire.Token, count int) error {
	if int64(count) >= t.limits.Tokens {
		return refuse(wire.CodeFull, "the channel has all the tokens it may have")
	}
	return t.exec(`INSERT INTO tokens (channel, token, parent) VALUES (?, ?, ?)`, channel, token[:], parent[:])
}

// Revoke implements Tx. A token in Keep that stands below another in Keep
// stays there; one that is not below Token is passed over, for two hubs need
// not know the same tokens. With the tokens go the slots that they offered.
func (t *tx) Revoke(channel wire.Channel, caller wire.Token, args wire.RevokeArgs) error {
	m, err := t.member(channel, caller)
	if isCode(err, wire.CodeRevoked) && args.Token == caller {
		return nil
	}
	if err != nil {
		return err
	}
	all, err := t.tree(m.n)
	if err != nil {
		return err
	}
	if args.Token == caller {
		// Whoever leaves takes nobody with him, not even those of whom he has not
		// heard yet. They stay below him, so that who is above can put them out.
		t.touch(m.n)
		return t.putOut(m.n, map[wire.Token]bool{caller: true})
	}
	if !all.below(args.Token, caller) {
		return refuse(wire.CodeDenied, "the token is not below the caller")
	}
	if err := t.keep(m.n, all, args, caller); err != nil {
		return err
	}
	out := make(map[wire.Token]bool)
	for token, n := range all {
		if !n.revoked && (token == args.Token || all.below(token, args.Token)) {
			out[token] = true
		}
	}
	if len(out) > 0 {
		t.touch(m.n)
	}
	return t.putOut(m.n, out)
}

// keep moves the tokens that are to stay to above.
func (t *tx) keep(channel int64, all tree, args wire.RevokeArgs, above wire.Token) error {
	kept := make(map[wire.Token]bool)
	for _, token := range args.Keep {
		if n := all[token]; n != nil && !n.revoked && all.below(token, args.Token) {
			kept[token] = true
		}
	}
	var moves []wire.Token
	for token := range kept {
		if !all.belowAny(token, kept) {
			moves = append(moves, token)
		}
	}
	for _, token := range moves {
		all[token].parent = &above
		if err := t.exec(`UPDATE tokens SET parent = ? WHERE channel = ? AND token = ?`, above[:], channel, token[:]); err != nil {
			return err
		}
	}
	return nil
}

// putOut revokes tokens, and withdraws their slots.
func (t *tx) putOut(channel int64, out map[wire.Token]bool) error {
	for token := range out {
		if err := t.exec(`UPDATE tokens SET revoked = 1 WHERE channel = ? AND token = ?`, channel, token[:]); err != nil {
			return err
		}
		if err := t.exec(`UPDATE slots SET state = ?, blob = NULL WHERE channel = ? AND state = 0 AND offerer = ?`,
			slotWithdrawn, channel, token[:]); err != nil {
			return err
		}
	}
	return nil
}

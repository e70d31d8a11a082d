package store

import "hubbub/channels/wire"

// What an owner asks for can be undone by what he asks for next: a ban is lifted, a
// guest dropped and let in again. So a request of his that somebody on the way
// kept back, or sends again, must not be done after a later one. accounts.asked is
// when the last that was done was made, by its own word; and the encs of those of
// the last two hours are known, as of those that wait.

// Asked implements Tx.
func (t *tx) Asked(at int64) { t.asked = at }

// InOrder implements Tx.
func (t *tx) InOrder(caller wire.Token, enc [32]byte) error {
	var last int64
	if _, err := t.row(`SELECT asked FROM accounts WHERE token = ?`, []any{caller[:]}, &last); err != nil {
		return err
	}
	if t.asked < last && !t.ahead(last) {
		return refuse(wire.CodeBusy, "something was done since this was asked for: ask again")
	}
	switch before, err := t.noteWaited(enc); {
	case err != nil:
		return err
	case before:
		return refuse(wire.CodeBusy, "this was done already: ask again")
	case t.asked == last:
		return nil
	}
	return t.exec(`UPDATE accounts SET asked = ? WHERE token = ?`, t.asked, caller[:])
}

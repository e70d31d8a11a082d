package hub

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"hubbub/channels/wire"
	"hubbub/hub/lock"
	"hubbub/hub/store"
)

// ownerName is the file that says who owns the hub, so that the owner is known
// when the database is not there any more. Like the keys it is of the hub, not
// of its database.
const ownerName = "owner"

// ownerWords stand above the owners in it: a line each, with the account's
// public key and the hash of the account key that it was claimed with.
const ownerWords = `# Who owns the hub whose data is in this folder. It is kept here, too, so that
# the owner is still known when hub.db is lost. Back it up with the file keys.
`

// maxOwners is the most that are read from the file: each of them was once
// asked for by somebody who can write into the folder.
const maxOwners = 64

// readOwners returns who owns the hub as the folder says; nobody if it does not
// say.
func readOwners(data string) ([]store.Owner, error) { return ownersIn(filepath.Join(data, ownerName)) }

func ownersIn(path string) ([]store.Owner, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading who owns the hub: %w", err)
	}
	var owners []store.Owner
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		owner, ok := parseOwner(line)
		if !ok {
			return owners, fmt.Errorf("reading who owns the hub: %s has a line that names nobody", ownerName)
		}
		if owners = append(owners, owner); len(owners) == maxOwners {
			break
		}
	}
	return owners, nil
}

// parseOwner reads a line of the file.
func parseOwner(line []byte) (owner store.Owner, ok bool) {
	token, key, _ := bytes.Cut(line, []byte(" "))
	if len(token) != 2*len(owner.Token) || len(key) != 2*len(owner.Key) {
		return store.Owner{}, false
	}
	_, tokenErr := hex.Decode(owner.Token[:], token)
	_, keyErr := hex.Decode(owner.Key[:], key)
	return owner, tokenErr == nil && keyErr == nil
}

// writeOwners replaces the file. It is called under the lock of the keys.
func writeOwners(data string, owners []store.Owner) error {
	return writeOwnersTo(filepath.Join(data, ownerName), owners)
}

func writeOwnersTo(path string, owners []store.Owner) error {
	text := bytes.NewBufferString(ownerWords)
	for _, owner := range owners {
		fmt.Fprintf(text, "%x %x\n", owner.Token[:], owner.Key[:])
	}
	return writeFile(path, text.Bytes())
}

// nextName is a file beside that one, with the owner who takes the place of all in it.
// It is written before the database knows him, and has no meaning before that does or
// once he is in the other file: whatever a process dies between, those whom he has
// replaced do not come back from the folder.
const nextName = "owner-next"

// areReplaced says whether the owners in the folder are owners no more, as one whom the
// database knows has taken their place.
func areReplaced(data string, owners, known []store.Owner) bool {
	next, err := ownersIn(filepath.Join(data, nextName))
	return err == nil && len(next) == 1 && find(known, next[0].Token) >= 0 && find(owners, next[0].Token) < 0
}

// find returns where among owners the one with an account key is, or -1.
func find(owners []store.Owner, token wire.Token) int {
	for i := range owners {
		if owners[i].Token == token {
			return i
		}
	}
	return -1
}

// Whoever can write to the web space owns the hub. So the owner whom hub.conf names
// takes the place of all whom the hub has had: they are refused from the moment on
// that he stands there, and are forgotten with his first call. As long as he is not
// in the file of owners he has not come yet. Afterwards hub.conf has no more to say:
// claim.txt and an import may bring others to him.

// named says whether hub.conf names an account as the owner.
func (h *Hub) named(token wire.Token) bool { return token == h.config.Owner && token != (wire.Token{}) }

// awaited says whether hub.conf names an owner who has not come yet, as far as
// the folder tells; and whether there is another in whose place he comes.
func (h *Hub) awaited() (yes, another bool) {
	if h.config.Owner == (wire.Token{}) {
		return false, false
	}
	owners, err := readOwners(h.config.Data)
	yes = err == nil && find(owners, h.config.Owner) < 0
	return yes, yes && len(owners) > 0
}

// namedOwner is the owner whom hub.conf names.
func (h *Hub) namedOwner() store.Owner {
	return store.Owner{Token: h.config.Owner, Key: keyHash(wire.OwnerSecret(h.config.Owner))}
}

// owned returns the owner whose account key token is, if the folder says so.
func (h *Hub) owned(tx store.Tx, token wire.Token) (owner store.Owner, ok bool, err error) {
	if _, err := os.Lstat(h.importPath()); err == nil {
		return owner, false, nil // the file may be of the hub that this one was
	}
	owners, err := readOwners(h.config.Data)
	if err != nil {
		h.config.Log.Error("an account asks for something", "error", err)
	}
	i := find(owners, token)
	if i < 0 {
		return owner, false, nil
	}
	known, err := tx.Owners()
	return owners[i], err == nil && !areReplaced(h.config.Data, owners, known), err
}

// errReplaced refuses whoever owned the hub before hub.conf named another.
var errReplaced = &wire.Error{Code: wire.CodeDenied, Text: "hub.conf names another owner"}

// account is store.Tx.Account, of whom it is also known from hub.conf and from the
// folder whether he owns the hub: a new database does not know its owner. If writes,
// it knows him from now on.
func (a *answer) account(tx store.Tx, caller wire.Token, writes bool) (store.Account, error) {
	account, err := tx.Account(caller)
	unknown := isCode(err, wire.CodeDenied)
	if err != nil && !unknown && !isCode(err, wire.CodeBanned) {
		return account, err
	}
	awaited, another := a.hub.awaited()
	owner, owns := a.hub.namedOwner(), a.hub.named(caller)
	switch {
	case awaited && account.Owner && !owns:
		return store.Account{}, errReplaced
	case account.Owner && !awaited:
		return account, nil
	case unknown && !owns && !awaited:
		var failed error
		if owner, owns, failed = a.hub.owned(tx, caller); failed != nil {
			return store.Account{}, failed
		}
	}
	if !owns {
		return account, err
	}
	if writes {
		a.alone = a.alone || awaited
		if another {
			if err := writeOwnersTo(filepath.Join(a.hub.config.Data, nextName), []store.Owner{owner}); err != nil {
				return store.Account{}, err
			}
		}
		if err := tx.Own(owner, awaited); err != nil {
			return store.Account{}, err
		}
	}
	return store.Account{Owner: true}, nil
}

// asAccount does what an account asks for, once it is known whether it owns the hub.
func (a *answer) asAccount(tx store.Tx, caller wire.Token, do func() error) error {
	_, err := a.account(tx, caller, true)
	if err == error(errReplaced) || isFault(err) {
		return err
	}
	return do()
}

// claim does a call. The owner whom hub.conf names has a key that is no secret, and
// is no key to anybody else.
func (a *answer) claim(tx store.Tx, c *wire.Call, args wire.ClaimArgs) (any, error) {
	var account store.Account
	err := a.asAccount(tx, c.Token, func() (err error) {
		if a.hub.named(c.Token) && args.Secret == wire.OwnerSecret(c.Token) {
			account, err = tx.Account(c.Token)
		} else {
			account, err = tx.Claim(c.Token, keyHash(args.Secret), a.hub.claimable(args.Secret))
		}
		return err
	})
	return wire.ClaimResult{Owner: account.Owner, Quota: account.Quota}, err
}

// keepOwners writes down in the folder who owns the hub as the database says:
// after the call of an account, and where a hub of an older version did not.
func (a *answer) keepOwners(ctx context.Context, jobs []*job) {
	written, account := false, a.alone
	for _, j := range jobs {
		if j.failed == nil && j.err == nil && j.op.writes {
			written = true
			account = account || j.call.Op == wire.OpClaim || j.call.Op == wire.OpOpen
		}
	}
	if !written && !a.alone {
		return
	}
	h := a.hub
	if _, err := os.Lstat(filepath.Join(h.config.Data, ownerName)); !account && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	alone := a.alone
	a.alone = false
	if err := h.addOwners(ctx, alone); err != nil {
		h.config.Log.Error("writing down who owns the hub", "error", err)
	}
}

// knownOwners are those that the database knows.
func (h *Hub) knownOwners(ctx context.Context) (known []store.Owner, err error) {
	err = h.transact(ctx, false, func(tx store.Tx) (err error) {
		known, err = tx.Owners()
		return err
	})
	return known, err
}

// addOwners adds to the file whom the database knows as an owner and the file
// does not. With alone there are no others in it then.
func (h *Hub) addOwners(ctx context.Context, alone bool) error {
	known, err := h.knownOwners(ctx)
	if err != nil {
		return err
	}
	lacks := func(owners []store.Owner) bool {
		alone = alone || areReplaced(h.config.Data, owners, known)
		return alone || slices.ContainsFunc(known, func(o store.Owner) bool { return !slices.Contains(owners, o) })
	}
	if owners, err := readOwners(h.config.Data); err == nil && !lacks(owners) {
		return nil
	}
	release, err := lock.Wait(filepath.Join(h.config.Data, "keys-lock"))
	if err != nil {
		return err
	}
	defer release()
	// Once more: it may have become another hub meanwhile.
	if known, err = h.knownOwners(ctx); err != nil {
		return err
	}
	owners, err := readOwners(h.config.Data)
	if err != nil {
		h.config.Log.Warn("who owns the hub is written down anew", "error", err)
	}
	if !lacks(owners) && err == nil {
		return nil
	}
	if alone {
		h.config.Log.Warn("the hub is owned by the account that hub.conf names, and by none that owned it before", "before", len(owners))
		owners = nil
	}
	for _, o := range known {
		for i := find(owners, o.Token); i >= 0; i = find(owners, o.Token) {
			owners = slices.Delete(owners, i, i+1)
		}
		owners = append(owners, o)
	}
	if len(owners) == 0 {
		return nil
	}
	if err = writeOwners(h.config.Data, owners[max(0, len(owners)-maxOwners):]); err == nil && alone {
		_ = os.Remove(filepath.Join(h.config.Data, nextName)) // it has no meaning any more
	}
	return err
}

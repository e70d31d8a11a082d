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
func readOwners(data string) ([]store.Owner, error) {
	text, err := os.ReadFile(filepath.Join(data, ownerName))
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
	text := bytes.NewBufferString(ownerWords)
	for _, owner := range owners {
		fmt.Fprintf(text, "%x %x\n", owner.Token[:], owner.Key[:])
	}
	return writeFile(filepath.Join(data, ownerName), text.Bytes())
}

// owned returns the owner whose account key token is, if hub.conf or the folder
// says so.
func (h *Hub) owned(token wire.Token) (store.Owner, bool) {
	if token == h.config.Owner && token != (wire.Token{}) {
		return store.Owner{Token: token, Key: keyHash(wire.OwnerSecret(token))}, true
	}
	if _, err := os.Lstat(h.importPath()); err == nil {
		return store.Owner{}, false // the file may be of the hub that this one was
	}
	owners, err := readOwners(h.config.Data)
	if err != nil {
		h.config.Log.Error("an account asks for something", "error", err)
	}
	i := slices.IndexFunc(owners, func(o store.Owner) bool { return o.Token == token })
	if i < 0 {
		return store.Owner{}, false
	}
	return owners[i], true
}

// awaited says whether hub.conf names an owner who has not come yet, as far as
// the folder tells.
func (h *Hub) awaited() bool {
	if h.config.Owner == (wire.Token{}) {
		return false
	}
	owners, err := readOwners(h.config.Data)
	return err == nil && !slices.ContainsFunc(owners, func(o store.Owner) bool { return o.Token == h.config.Owner })
}

// asOwner does an account's call again that was denied because the database,
// a new one, does not know its owner any more.
func (a *answer) asOwner(tx store.Tx, caller wire.Token, denied error, again func() error) error {
	if !isCode(denied, wire.CodeDenied) {
		return denied
	}
	switch _, err := tx.Account(caller); {
	case err == nil:
		return denied // for another reason
	case !isCode(err, wire.CodeDenied):
		return err
	}
	owner, ok := a.hub.owned(caller)
	if !ok {
		return denied
	}
	if err := tx.Own(owner); err != nil {
		return err
	}
	return again()
}

// keepOwners writes down in the folder who owns the hub as the database says:
// after the call of an account, and where a hub of an older version did not.
func (h *Hub) keepOwners(ctx context.Context, jobs []*job) {
	written, account := false, false
	for _, j := range jobs {
		if j.failed == nil && j.err == nil && j.op.writes {
			written = true
			account = account || j.call.Op == wire.OpClaim || j.call.Op == wire.OpOpen
		}
	}
	if !written {
		return
	}
	if _, err := os.Lstat(filepath.Join(h.config.Data, ownerName)); !account && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err := h.addOwners(ctx); err != nil {
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
// does not.
func (h *Hub) addOwners(ctx context.Context) error {
	known, err := h.knownOwners(ctx)
	if err != nil {
		return err
	}
	lacks := func(owners []store.Owner) bool {
		return slices.ContainsFunc(known, func(o store.Owner) bool { return !slices.Contains(owners, o) })
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
	for _, o := range known {
		owners = slices.DeleteFunc(owners, func(other store.Owner) bool { return other.Token == o.Token })
		owners = append(owners, o)
	}
	if len(owners) == 0 {
		return nil
	}
	return writeOwners(h.config.Data, owners[max(0, len(owners)-maxOwners):])
}

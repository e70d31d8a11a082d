package hub

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub/lock"
	"hubbub/hub/store"
)

// The records of an import are staged in the database until the last is there.
// Then, in one transaction, the database becomes the exported hub's; but the hub's
// keys and its owner are files. So before that transaction is committed they are
// written to a file of their own, with a random name for this very import, which
// the database knows from its commit on. Whoever finds that file, after a crash,
// asks the database whether the import was: then they take their places, else the
// file is removed.

// importName is that file.
const importName = "import"

// pending is what it says, in CBOR.
type pending struct {
	Import [32]byte       `cbor:"import"`
	Keys   keyFile        `cbor:"keys"`
	Owners []pendingOwner `cbor:"owners"`
}

type pendingOwner struct {
	Token wire.Token    `cbor:"token"`
	Key   store.KeyHash `cbor:"key"`
}

// importing is an import whose transaction is not over.
type importing struct {
	pending
	release func() // of the keys' lock
}

// errNoImport refuses records that are not all of one export.
var errNoImport = &wire.Error{Code: wire.CodeBad, Text: "the records are not those of one whole export"}

// importRecords stages records, and with Done has the hub become the exported one.
func (a *answer) importRecords(tx store.Tx, args wire.ImportArgs) error {
	for _, record := range args.Records {
		if first, err := readHubRecord(record); err == nil && first.Hub != nil {
			// Another export, or this one once more.
			if err := tx.Unstage(); err != nil {
				return err
			}
		}
		if err := tx.Stage(record); err != nil {
			return err
		}
	}
	if !args.Done {
		return nil
	}
	err := a.importStaged(tx)
	if isFault(err) {
		return err
	}
	return errors.Join(err, tx.Unstage())
}

// readHubRecord reads the first or the last record.
func readHubRecord(record []byte) (r hubRecord, err error) {
	if len(record) > 64<<10 {
		return r, errNoImport
	}
	return r, codec.Unmarshal(record, &r)
}

// importStaged has the hub become the exported one, once this transaction is
// committed.
func (a *answer) importStaged(tx store.Tx) error {
	var p pending
	rand.Read(p.Import[:])
	err := tx.Import(p.Import, func(each func([]byte) error) (err error) {
		p.Keys, err = readExport(tx, each)
		return err
	})
	if err != nil {
		return err
	}
	owners, err := tx.Owners()
	if err != nil {
		return err
	}
	for _, o := range owners {
		p.Owners = append(p.Owners, pendingOwner(o))
	}
	// Or he would have to take their place.
	if named := a.hub.namedOwner(); a.hub.config.Owner != (wire.Token{}) && !slices.Contains(owners, named) {
		p.Owners = append(p.Owners, pendingOwner(named))
	}
	return a.beginImport(p)
}

// readExport reads all that is staged, and hands what is the store's to each.
func readExport(tx store.Tx, each func([]byte) error) (keys keyFile, err error) {
	var is, end exportedEnd
	over := false
	err = tx.Staged(func(record []byte) error {
		if over {
			return errNoImport
		}
		r, err := readHubRecord(record)
		switch {
		case is.Count == 0 && (err != nil || r.Hub == nil):
			return errNoImport
		case is.Count == 0:
			if keys, err = r.Hub.keys(); err != nil {
				return err
			}
		case err == nil && r.End != nil:
			over, end = true, *r.End
			return nil
		default:
			if err := each(record); err != nil {
				return err
			}
		}
		is = exportedEnd{Count: is.Count + 1, Chain: chain(is.Chain, record)}
		return nil
	})
	if err == nil && (!over || end != is) {
		err = errNoImport
	}
	return keys, err
}

// keys is the hub's file of keys, if that is one.
func (e *exportedHub) keys() (keyFile, error) {
	if e.Version != exportVersion {
		return keyFile{}, &wire.Error{Code: wire.CodeBad, Text: "the export is of another version"}
	}
	good := len(e.Identity) == ed25519.PrivateKeySize && len(e.Keys) >= 1 && len(e.Keys) <= keysKept &&
		bytes.Equal(ed25519.NewKeyFromSeed(e.Identity[:ed25519.SeedSize]), e.Identity)
	if !good {
		return keyFile{}, errNoImport
	}
	for _, key := range e.Keys {
		private, err := wire.KEM().NewPrivateKey(key.Seed)
		if err != nil || wire.KeyIDOf(private.PublicKey().Bytes()) != key.ID {
			return keyFile{}, errNoImport
		}
	}
	return keyFile{Version: keyFileVersion, Identity: e.Identity, Keys: e.Keys}, nil
}

// beginImport writes down what is to become of the files, and keeps others off
// them until endImport.
func (a *answer) beginImport(p pending) error {
	if a.importing == nil {
		release, err := lock.Wait(a.hub.keys.path + "-lock")
		if err != nil {
			return err
		}
		a.importing = &importing{release: release}
	}
	a.importing.pending = p
	b, err := codec.Marshal(p)
	if err != nil {
		return err
	}
	return writeFile(a.hub.importPath(), b)
}

func (h *Hub) importPath() string { return filepath.Join(h.config.Data, importName) }

// endImport ends an import that was begun in this transaction, which was
// committed or not.
func (a *answer) endImport(ctx context.Context, committed bool) {
	i := a.importing
	if i == nil {
		return
	}
	a.importing = nil
	defer i.release()
	var err error
	switch {
	case committed:
		err = a.hub.become(i.pending)
	default:
		// It may have been, for all that is known of an error.
		err = a.hub.settle(ctx, i.pending)
	}
	if err != nil {
		a.hub.config.Log.Error("importing a hub; it goes on with the next start", "error", err)
	}
}

// become has the hub be the one that was imported. It is called under the lock of
// the keys, and safe to repeat.
func (h *Hub) become(p pending) error {
	var owners []store.Owner
	for _, o := range p.Owners {
		owners = append(owners, store.Owner(o))
	}
	if named := h.config.Owner; named != (wire.Token{}) {
		// hub.conf is this place's, and stays: whom it names has come.
		owners = append(owners, store.Owner{Token: named, Key: keyHash(wire.OwnerSecret(named))})
	}
	err := writeOwners(h.config.Data, owners[max(0, len(owners)-maxOwners):])
	if err == nil {
		err = writeKeys(filepath.Join(h.config.Data, keysName), p.Keys)
	}
	for _, name := range []string{nextName, claimName, importName} {
		if err == nil {
			err = os.Remove(filepath.Join(h.config.Data, name))
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if h.keys != nil {
		h.keys.lookAgain()
	}
	return err
}

// settle finishes an import if the database knows it, and forgets it if it does
// not.
func (h *Hub) settle(ctx context.Context, p pending) error {
	var imported [32]byte
	err := h.transact(context.WithoutCancel(ctx), false, func(tx store.Tx) (err error) {
		imported, err = tx.Imported()
		return err
	})
	switch {
	case err != nil:
		return err
	case imported == p.Import:
		return h.become(p)
	}
	return os.Remove(h.importPath())
}

// settleImport settles an import in which a process has died.
func (h *Hub) settleImport() error {
	if _, err := os.Lstat(h.importPath()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	release, err := lock.Wait(filepath.Join(h.config.Data, keysName+"-lock"))
	if err != nil {
		return err
	}
	defer release()
	b, err := os.ReadFile(h.importPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another process has
	}
	var p pending
	if err == nil {
		err = codec.Unmarshal(b, &p)
	}
	if err != nil {
		return fmt.Errorf("reading what is to be imported: %s: %w", h.importPath(), err)
	}
	return h.settle(context.Background(), p)
}

package hub

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hubbub/channels/wire"
	"hubbub/hub/lock"
	"hubbub/hub/store"
)

// claimName is the file with the owner's one-time account key. Whoever can read
// the data folder owns the hub, so there is no race with a stranger for it.
const claimName = "claim.txt"

// claimWords stand above the key in it, which is the last line.
const claimWords = `This is the owner key of the hub whose data is in this folder. It is good
once: whoever uses it first owns the hub. To do so, type in your IRC client

    /msg sysop hub add URL KEY

with the hub's address in place of URL, and what follows in place of KEY.
If you ever need another owner key, put an empty file claim.txt here and
open the hub's page: the hub writes a new one into it.

`

// writeClaim makes a new owner key.
func writeClaim(data string, fingerprint wire.Fingerprint) error {
	key := wire.AccountKey{Fingerprint: fingerprint}
	rand.Read(key.Secret[:])
	return writeFile(filepath.Join(data, claimName), []byte(claimWords+key.String()+"\n"))
}

// refillClaim makes a new owner key if somebody has put an empty claim.txt into
// the data folder.
func refillClaim(data string, fingerprint wire.Fingerprint) error {
	path := filepath.Join(data, claimName)
	empty := func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() == 0
	}
	if !empty() {
		return nil
	}
	release, err := lock.Wait(filepath.Join(data, "keys-lock"))
	if err != nil {
		return err
	}
	defer release()
	if !empty() {
		return nil
	}
	return writeClaim(data, fingerprint)
}

// settleClaim makes the owner key that somebody has asked for, and removes one where
// hub.conf names an owner who has not come yet: it is not to be good as well.
func (h *Hub) settleClaim() error {
	if awaited, _ := h.awaited(); !awaited {
		return refillClaim(h.config.Data, h.Fingerprint())
	}
	err := os.Remove(filepath.Join(h.config.Data, claimName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// ReadClaim returns the owner's key in a hub's data folder; ok is false if the
// hub was claimed, or never started.
func ReadClaim(data string) (key wire.AccountKey, ok bool, err error) {
	text, err := os.ReadFile(filepath.Join(data, claimName))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(text) == 0) {
		return wire.AccountKey{}, false, nil
	}
	if err != nil {
		return wire.AccountKey{}, false, fmt.Errorf("reading the hub's owner key: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	key, err = wire.ParseAccountKey(lines[len(lines)-1])
	if err != nil {
		return wire.AccountKey{}, false, fmt.Errorf("reading the hub's owner key: %s: %w", claimName, err)
	}
	return key, true, nil
}

// claimable returns what an account key stands for if it is to be had: the
// owner's is while it is in claim.txt.
func (h *Hub) claimable(secret [16]byte) *store.Account {
	key, ok, err := ReadClaim(h.config.Data)
	if err != nil {
		h.config.Log.Error("a claim was made", "error", err)
	}
	if !ok || subtle.ConstantTimeCompare(key.Secret[:], secret[:]) != 1 {
		return nil
	}
	return &store.Account{Owner: true}
}

// forgetClaim removes claim.txt once its key, of this secret, was used.
func (h *Hub) forgetClaim(secret [16]byte) {
	if h.claimable(secret) == nil {
		return
	}
	if err := os.Remove(filepath.Join(h.config.Data, claimName)); err != nil {
		h.config.Log.Error("removing the owner key that was used", "error", err)
	}
}

// keyHash is what the database knows of an account key.
func keyHash(secret [16]byte) store.KeyHash {
	return sha256.Sum256(append([]byte("hubbub/1 account key"), secret[:]...))
}

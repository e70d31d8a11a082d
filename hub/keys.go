package hub

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/wire"
	"hubbub/hub/lock"
)

// keyFile is the file of the hub's keys, in CBOR.
type keyFile struct {
	Version  int     `cbor:"version"`
	Identity []byte  `cbor:"identity"` // Ed25519: seed | public key, which takes a millisecond to compute
	Keys     []xwing `cbor:"keys"`     // by Made, the oldest first
}

// xwing is one of the hub's X-Wing keys.
type xwing struct {
	ID   wire.KeyID `cbor:"id"`   // so that only the key that is asked for is computed
	Seed []byte     `cbor:"seed"` // the private key
	Made int64      `cbor:"made"` // unix seconds
}

// keysName is that file.
const keysName = "keys"

// keyFileVersion is the version of the file's format.
const keyFileVersion = 1

// keysKept is the most keys that are kept: two are in use, others only exist
// where a clock jumped.
const keysKept = 4

// keyring holds the hub's keys, which are a file: making, replacing and
// deleting them is done under a lock, by one process for all.
type keyring struct {
	path string
	self atomic.Pointer[self]

	mu   sync.Mutex
	file keyFile
}

// self is who the hub is.
type self struct {
	identity    ed25519.PrivateKey
	fingerprint wire.Fingerprint
}

// openKeyring reads the hub's keys in the data folder, and makes them, and
// claim.txt if it has no owner yet, if this is the first start.
func openKeyring(data string, owned bool, now time.Time) (*keyring, error) {
	k := &keyring{path: filepath.Join(data, keysName)}
	file, err := readKeys(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		file, err = firstKeys(data, k.path, owned, now)
	}
	if err != nil {
		return nil, err
	}
	k.take(file)
	return k, nil
}

// take has the keyring hold what the file says. Where that is of another hub, it
// was imported into this folder, by this process or another.
func (k *keyring) take(file keyFile) {
	identity := ed25519.PrivateKey(file.Identity)
	if is := k.self.Load(); is == nil || !is.identity.Equal(identity) {
		k.self.Store(&self{identity, fingerprintOf(identity)})
	}
	k.file = file
}

func fingerprintOf(identity ed25519.PrivateKey) wire.Fingerprint {
	return wire.FingerprintOf(wire.Token(identity.Public().(ed25519.PublicKey)))
}

// lookup finds a key by its id, in the file again if another process may have
// made it meanwhile; and says who the hub is whose key it is.
func (k *keyring) lookup(id wire.KeyID, now time.Time) (key xwing, is *self, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known := func(key xwing) bool { return key.ID == id && !key.over(now) }
	i := slices.IndexFunc(k.file.Keys, known)
	if i < 0 {
		k.look()
		i = slices.IndexFunc(k.file.Keys, known)
	}
	if i >= 0 {
		key = k.file.Keys[i]
	}
	return key, k.self.Load(), i >= 0
}

// look reads the file again, which another process may have changed. What cannot
// be read changes nothing.
func (k *keyring) look() {
	if file, err := readKeys(k.path); err == nil {
		k.take(file)
	}
}

// lookAgain reads the file again, once it was written by others than the keyring.
func (k *keyring) lookAgain() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.look()
}

// over says whether the key is not used any more.
func (key xwing) over(now time.Time) bool {
	return now.Unix() >= key.Made+int64(wire.KeyKept/time.Second)
}

// fresh says whether the key is one to seal to.
func (key xwing) fresh(now time.Time) bool {
	age := now.Unix() - key.Made
	return 0 <= age && age < int64(wire.KeyMade/time.Second)
}

// current returns who the hub is and the public halves of its keys that are in
// use, after making a new one and deleting old ones if it is time. Where that
// fails, as on a full disk, keys that are not over are still good, and returned
// beside the error.
func (k *keyring) current(now time.Time) (is *self, public []wire.HubKey, failed error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.look()
	defer func() { is = k.self.Load() }()
	if k.file.due(now) {
		failed = k.renew(now)
	}
	for _, key := range k.file.Keys {
		if key.over(now) {
			continue
		}
		private, err := wire.KEM().NewPrivateKey(key.Seed)
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", k.path, err)
		}
		public = append(public, wire.HubKeyOf(private, key.Made, key.Made+int64(wire.KeyKept/time.Second)))
	}
	return nil, public, failed
}

// open opens a request to the hub. It does so once, for who would try again keeps
// it beside what was in it, and it may be a megabyte.
func (k *keyring) open(request []byte, now time.Time) (*wire.Opened, error) {
	id, err := wire.RequestKey(request)
	if err != nil {
		return nil, err
	}
	key, is, ok := k.lookup(id, now)
	return wire.OpenRequest(request, is.fingerprint, func(wire.KeyID) (hpke.PrivateKey, bool) {
		if !ok {
			return nil, false
		}
		private, err := wire.KEM().NewPrivateKey(key.Seed)
		return private, err == nil
	})
}

// due says whether a key is to be made, or deleted.
func (f keyFile) due(now time.Time) bool {
	return !slices.ContainsFunc(f.Keys, func(key xwing) bool { return key.fresh(now) }) ||
		slices.ContainsFunc(f.Keys, func(key xwing) bool { return key.over(now) })
}

// renew brings the file up to date, unless another process has done it.
func (k *keyring) renew(now time.Time) error {
	release, err := lock.Wait(k.path + "-lock")
	if err != nil {
		return err
	}
	defer release()
	file, err := readKeys(k.path)
	if err != nil {
		return err
	}
	if file.due(now) {
		file.Keys = slices.DeleteFunc(file.Keys, func(key xwing) bool { return key.over(now) })
		if !slices.ContainsFunc(file.Keys, func(key xwing) bool { return key.fresh(now) }) {
			if err := file.add(now); err != nil {
				return err
			}
		}
		if err := writeKeys(k.path, file); err != nil {
			return err
		}
	}
	k.take(file)
	return nil
}

// add makes a new key.
func (f *keyFile) add(now time.Time) error {
	private, err := wire.KEM().GenerateKey()
	if err != nil {
		return err
	}
	seed, err := private.Bytes()
	if err != nil {
		return err
	}
	f.Keys = append(f.Keys, xwing{ID: wire.KeyIDOf(private.PublicKey().Bytes()), Seed: seed, Made: now.Unix()})
	slices.SortStableFunc(f.Keys, func(a, b xwing) int { return int(a.Made - b.Made) })
	if len(f.Keys) > keysKept {
		f.Keys = slices.DeleteFunc(f.Keys, func(key xwing) bool { return key.Made > now.Unix() })
		f.Keys = f.Keys[max(0, len(f.Keys)-keysKept):]
	}
	return nil
}

// firstKeys makes the hub's keys, after claim.txt: where the keys are, the
// owner's key has been too, unless hub.conf names the owner.
func firstKeys(data, path string, owned bool, now time.Time) (keyFile, error) {
	release, err := lock.Wait(path + "-lock")
	if err != nil {
		return keyFile{}, err
	}
	defer release()
	if file, err := readKeys(path); !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	_, identity, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return keyFile{}, err
	}
	file := keyFile{Version: keyFileVersion, Identity: identity}
	if err := file.add(now); err != nil {
		return keyFile{}, err
	}
	if err := closeFolder(data); err != nil {
		return keyFile{}, err
	}
	if !owned {
		if err := writeClaim(data, fingerprintOf(identity)); err != nil {
			return keyFile{}, err
		}
	}
	return file, writeKeys(path, file)
}

func readKeys(path string) (keyFile, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return keyFile{}, err
	}
	var file keyFile
	if err := codec.Unmarshal(b, &file); err != nil {
		return keyFile{}, fmt.Errorf("reading %s: %w", path, err)
	}
	if file.Version != keyFileVersion || len(file.Identity) != ed25519.PrivateKeySize {
		return keyFile{}, fmt.Errorf("%s is of version %d, which this program does not know", path, file.Version)
	}
	return file, nil
}

func writeKeys(path string, file keyFile) error {
	b, err := codec.Marshal(file)
	if err != nil {
		return err
	}
	return writeFile(path, b)
}

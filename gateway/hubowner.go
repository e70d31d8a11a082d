package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// hubOwner is the file in the data folder with the account of a hub that
// -make-hub has prepared and no hub has taken yet: the hub's upload names its
// public key. It is not in the phonebook, which belongs to the gateway that
// perhaps runs meanwhile, and moves there when the hub is added.
type hubOwner struct{ path string }

func hubOwnerIn(data string) hubOwner { return hubOwner{filepath.Join(data, "hub.owner")} }

const hubOwnerWords = `# The private key of the account that owns the hub which -make-hub has prepared
# here. Once you have added that hub with /msg sysop hub add URL, the phonebook
# has it, and this file is gone.
`

var ownerAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// read returns the account's seed, or nil if none waits.
func (o hubOwner) read() ([]byte, error) {
	text, err := os.ReadFile(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the prepared hub's account: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	seed, err := ownerAlphabet.DecodeString(strings.TrimSpace(lines[len(lines)-1]))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("reading the prepared hub's account: %s has no key in its last line", o.path)
	}
	return seed, nil
}

// prepare returns the account that waits; it makes one if there is none, so that
// an upload can be made again for another system.
func (o hubOwner) prepare() (wire.Token, error) {
	seed, err := o.read()
	if err != nil {
		return wire.Token{}, err
	}
	if seed == nil {
		seed = make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		if err := writePrivate(o.path, []byte(hubOwnerWords+ownerAlphabet.EncodeToString(seed)+"\n")); err != nil {
			return wire.Token{}, fmt.Errorf("keeping the prepared hub's account: %w", err)
		}
	}
	return accountOf(seed), nil
}

// accountOf is the public key of an account.
func accountOf(seed []byte) wire.Token {
	return wire.Token(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

// taken removes the file: a hub has the account, and the phonebook the key.
func (o hubOwner) taken(account wire.Token) error {
	if seed, err := o.read(); err != nil || seed == nil || accountOf(seed) != account {
		return err
	}
	return os.Remove(o.path)
}

// unproven says what it means that a hub is neither proved by a key nor by https.
const unproven = "So nothing proves that this is the hub that you have uploaded; somebody else who answers in its place could read nothing, but could lose what is put there."

// addMadeHub uses a hub that was named without a key: the one that -make-hub has
// prepared, which knows its owner. Who answers there is taken for it: somebody
// else who does so gets a signature that opens nothing elsewhere.
func (c *client) addMadeHub(place string) {
	seed, err := c.g.sysop.made.read()
	if err != nil {
		slog.Error("the prepared hub's account can't be read", "err", err)
	}
	if seed == nil {
		c.sysopSays(errNoHubKey.Error())
		return
	}
	c.sysopSays("Asking " + place + " who it is…")
	c.g.sysop.identify(place, func(found foundHub, err error) {
		if err != nil {
			c.sysopSays(noHub(place, err))
			return
		}
		if found.Served {
			c.sysopSays(servedHub(place))
			return
		}
		switch {
		case found.Note != "":
			c.sysopSays("Note: " + found.Note + ". " + unproven)
		case strings.HasPrefix(found.Address.URL, "http://"):
			c.sysopSays("Note: there is no https in that address. " + unproven)
		}
		c.useMadeHub(found.Address, seed)
	})
}

// useMadeHub uses an identified hub on the prepared account, which then is the
// phonebook's.
func (c *client) useMadeHub(hub channels.HubAddress, seed []byte) {
	account := accountOf(seed)
	ref := c.g.ask(asked{client: c, command: serverNick, then: func(ev channels.Event) bool {
		switch ev := ev.(type) {
		case channels.Failed:
			text := failure(ev)
			if ev.Code == channels.CodeRevoked { // it knows no such account
				text = "The hub at " + hub.URL + " does not know you as its owner. Is the file hub.conf of your upload beside it? If it was set up without, its data folder has a claim.txt with a key: /msg sysop hub add " + hub.URL + " KEY"
			}
			c.sysopSays(text)
			return true
		case channels.HubReady:
			if err := c.g.sysop.made.taken(account); err != nil {
				slog.Error("the prepared hub's account can't be removed from its file", "err", err)
			}
		}
		return c.hubReady(ev)
	}})
	c.g.step(channels.UseHub{Ref: ref, Hub: hub, Account: seed, Secret: wire.OwnerSecret(account)})
}

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
	"slices"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// hubOwner is the file in the data folder with the accounts of hubs that
// -make-hub has prepared and no hub has taken yet: each upload names the public key
// of its own. They are not in the phonebook, which belongs to the gateway that
// perhaps runs meanwhile, and move there when their hubs are added.
type hubOwner struct{ path string }

func hubOwnerIn(data string) hubOwner { return hubOwner{filepath.Join(data, "hub.owner")} }

const hubOwnerWords = `# The private keys of the accounts that own the hubs which -make-hub has prepared
# here, a line each. Once you have added such a hub with /msg sysop hub add URL, the
# phonebook has its key, and its line is gone.
`

var ownerAlphabet = base32.StdEncoding.WithPadding(base32.NoPadding)

// read returns the accounts' seeds, the oldest first; none if none waits.
func (o hubOwner) read() (seeds [][]byte, err error) {
	text, err := os.ReadFile(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the prepared hub's account: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		seed, err := ownerAlphabet.DecodeString(line)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("reading the prepared hub's account: %s has a line that is no key", o.path)
		}
		seeds = append(seeds, seed)
	}
	if len(seeds) == 0 {
		return nil, fmt.Errorf("reading the prepared hub's account: %s has no key in it", o.path)
	}
	return seeds, nil
}

// write puts down all accounts that wait; without any there is no file.
func (o hubOwner) write(seeds [][]byte) error {
	if len(seeds) == 0 {
		return os.Remove(o.path)
	}
	text := []byte(hubOwnerWords)
	for _, seed := range seeds {
		text = append(text, ownerAlphabet.EncodeToString(seed)+"\n"...)
	}
	return writePrivate(o.path, text)
}

// prepare makes an account for a hub, which waits beside those that wait already.
func (o hubOwner) prepare() (wire.Token, error) {
	seeds, err := o.read()
	if err != nil {
		return wire.Token{}, err
	}
	seed := make([]byte, ed25519.SeedSize)
	rand.Read(seed)
	if err := o.write(append(seeds, seed)); err != nil {
		return wire.Token{}, fmt.Errorf("keeping the prepared hub's account: %w", err)
	}
	return accountOf(seed), nil
}

// accountOf is the public key of an account.
func accountOf(seed []byte) wire.Token {
	return wire.Token(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

// taken removes an account: a hub has it, and the phonebook its key.
func (o hubOwner) taken(account wire.Token) error {
	seeds, err := o.read()
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(seeds), func(seed []byte) bool { return accountOf(seed) == account })
	if len(rest) == len(seeds) {
		return nil
	}
	return o.write(rest)
}

// unproven says what it means that a hub is neither proved by a key nor by https.
const unproven = "So nothing proves that this is the hub that you have uploaded; somebody else who answers in its place could read nothing, but could lose what is put there."

// mostTried is how many accounts that wait are tried on a hub, the newest first.
const mostTried = 16

// addMadeHub uses a hub that was named without a key: one that -make-hub has
// prepared, which knows its owner. Who answers there is taken for it: somebody
// else who does so gets signatures that open nothing elsewhere.
func (c *client) addMadeHub(place string) {
	seeds, err := c.g.sysop.made.read()
	if err != nil {
		slog.Error("the prepared hub's account can't be read", "err", err)
	}
	slices.Reverse(seeds)
	seeds = seeds[:min(len(seeds), mostTried)]
	hubs := c.g.core.Hubs()
	named := slices.IndexFunc(hubs, func(h channels.HubView) bool { return h.Address.URL == place })
	if len(seeds) == 0 && named < 0 {
		c.sysopSays(errNoHubKey.Error())
		return
	}
	c.sysopSays("Asking " + place + " who it is…")
	c.g.sysop.identify(place, func(found foundHub, err error) {
		own := slices.IndexFunc(hubs, func(h channels.HubView) bool { return h.Address.Fingerprint == found.Address.Fingerprint })
		switch {
		case err != nil && named >= 0:
			c.sysopSays(append(noHub(place, err), "It is one of your hubs already: /msg sysop hub list")...)
		case err != nil:
			c.sysopSays(noHub(place, err)...)
		case found.Served:
			c.sysopSays(servedHub(place))
		case own >= 0 && hubs[own].Claimed:
			c.stillYours(hubs[own], len(seeds) > 0)
		case own >= 0:
			c.sysopSays(yoursAlready(hubs[own]))
		case len(seeds) == 0:
			c.sysopSays("Another hub answers at "+place+" now than the one that was yours: it was put up anew. Its key is in claim.txt in its data folder: /msg sysop hub add "+place+" KEY",
				"If the one that you had is gone for good: /msg sysop hub forget "+hubKey(hubs[named]))
		default:
			c.sayUnproven(found)
			c.useMadeHub(found.Address, seeds)
		}
	})
}

// stillYours says of a hub that is added again that it is the user's, once it has said
// so itself: a newer hub.conf, as one that waits is for, may name another account.
func (c *client) stillYours(h channels.HubView, waits bool) {
	askHub(c, h, wire.OpStatus, nil, func(_ wire.StatusResult, refused *wire.Error) {
		switch {
		case refused == nil || refused.Code != wire.CodeDenied:
			c.sysopSays(yoursAlready(h))
		case waits:
			c.sysopSays(h.Address.URL+" does not know the account any more that you have there: its hub.conf names another, most likely that of a newer upload of yours.",
				"To use that one: /msg sysop hub forget "+h.Address.URL+" and then /msg sysop hub add "+h.Address.URL)
		default:
			c.sysopSays(h.Address.URL + " does not know the account any more that you have there. With the key in claim.txt in its data folder, or of its owner: /msg sysop hub add " + h.Address.URL + " KEY")
		}
	})
}

// yoursAlready says that a hub that is added is one of the user's.
func yoursAlready(h channels.HubView) string {
	switch {
	case !h.Claimed:
		return notClaimed(h)
	case !h.Owner:
		return "You are a guest on " + h.Address.URL + " already: nothing to do. What you have there: /msg sysop hub status " + h.Address.URL
	}
	return h.Address.URL + " is yours already: nothing to do. How it is: /msg sysop hub status " + h.Address.URL + ". To keep a channel there as well: /msg sysop hub mirror #chan " + h.Address.URL
}

// sayUnproven says so of a hub that nothing proves but that it answers.
func (c *client) sayUnproven(found foundHub) {
	switch {
	case found.Note != "":
		c.sysopSays("Note: " + found.Note + ". " + unproven)
	case strings.HasPrefix(found.Address.URL, "http://"):
		c.sysopSays("Note: there is no https in that address. " + unproven)
	}
}

// useMadeHub uses an identified hub on the first of the accounts that it knows, which
// then is the phonebook's.
func (c *client) useMadeHub(hub channels.HubAddress, seeds [][]byte) {
	account := accountOf(seeds[0])
	ref := c.g.ask(asked{client: c, command: serverNick, then: func(ev channels.Event) bool {
		switch ev := ev.(type) {
		case channels.Failed:
			unknown := ev.Code == channels.CodeRevoked // it knows no such account
			switch {
			case unknown && len(seeds) > 1:
				c.useMadeHub(hub, seeds[1:])
			case unknown:
				c.sysopSays("The hub at " + hub.URL + " does not know you as its owner. Is the file hub.conf of your upload beside it? If it was set up without, its data folder has a claim.txt with a key: /msg sysop hub add " + hub.URL + " KEY")
			default:
				c.sysopSays(failure(ev))
			}
			return true
		case channels.HubReady:
			if err := c.g.sysop.made.taken(account); err != nil {
				slog.Error("the prepared hub's account can't be removed from its file", "err", err)
			}
		}
		return c.hubReady(ev)
	}})
	c.g.step(channels.UseHub{Ref: ref, Hub: hub, Account: seeds[0], Secret: wire.OwnerSecret(account)})
}

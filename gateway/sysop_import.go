package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// importing is a hub that is being made what another was. Each step may be repeated:
// the same command goes on where it ended.
type importing struct {
	c     *client
	place string
	key   wire.AccountKey
	old   exportedHub
	fresh channels.HubView // the empty hub, once it is claimed
}

// sysopHubImport makes an empty hub what an exported one was.
func (c *client) sysopHubImport(args string) {
	const usage = "/msg sysop hub import URL KEY FILE PASSPHRASE"
	words := strings.Fields(args)
	if len(words) < 4 {
		c.sysopSays("The new hub's URL, the key from its claim.txt, the file, and its passphrase: " + usage)
		return
	}
	place, key, err := parseHubAdd(words[0] + " " + words[1])
	if err != nil {
		c.sysopSays(err.Error(), "Here it is "+usage)
		return
	}
	path, err := c.g.sysop.exportPath(strings.Join(words[2:len(words)-1], " "))
	if err != nil {
		c.sysopSays(sentence(err.Error()) + " " + usage)
		return
	}
	c.sysopSays("Reading " + path + ", and asking " + place + " who it is…")
	passphrase := words[len(words)-1]
	go func() {
		old, err := loadExport(path, passphrase)
		c.g.do(func() {
			switch {
			case errors.Is(err, errPassphrase):
				c.sysopSays("That is not the passphrase of " + path + ". It is as it was shown, such as ABCDE-FGHIJ-KLMNO-PQRST-UVWXY-Z.")
			case err != nil:
				c.sysopSays(fileTrouble(path, err))
			default:
				i := &importing{c: c, place: place, key: key, old: old}
				c.g.sysop.identify(place, i.identified)
			}
		})
	}()
}

// identified takes who answers at the new place.
func (i *importing) identified(found foundHub, err error) {
	switch {
	case err != nil:
		i.c.sysopSays(fmt.Sprintf("%s does not answer as a hub: %v. Nothing was changed. Open it in a browser: if its page does not show either, docs/hub.md says what to check.", i.place, err))
	case found.Address.Fingerprint == i.old.address.Fingerprint:
		i.c.sysopSays(i.place + " is what the exported hub was already.")
		i.moves(found.Address)
	case found.Address.Fingerprint != i.key.Fingerprint:
		i.c.sysopSays("The hub at " + i.place + " is not the one that this key is for, so nothing was given to it. Take the key from claim.txt in the data folder of that very hub.")
	default:
		i.claim(found.Address)
	}
}

// claim makes the empty hub the user's own, with no channel on it.
func (i *importing) claim(at channels.HubAddress) {
	i.c.sysopStep(func(ref channels.Ref) channels.Input {
		return channels.UseHub{Ref: ref, Hub: at, Secret: i.key.Secret, Empty: true}
	}, func(ev channels.Event) bool {
		ready, ok := ev.(channels.HubReady)
		if !ok {
			return false
		}
		if !ready.Owner {
			i.c.sysopSays("With that key you are a guest on " + at.URL + ", not its owner: the key is in claim.txt in its data folder.")
			return true
		}
		i.fresh = channels.HubView{Address: ready.Hub, Own: true, Owner: true, Claimed: true}
		i.give(0)
		return true
	})
}

// What goes into one request of an import.
const (
	importBytes   = 512 << 10
	importRecords = 2000
)

// give gives the new hub the records from the nth on.
func (i *importing) give(n int) {
	size, end := 0, n
	for end < len(i.old.records) && end-n < importRecords {
		if size += len(i.old.records[end]) + 8; size > importBytes && end > n {
			break
		}
		end++
	}
	args := wire.ImportArgs{Records: i.old.records[n:end], Done: end == len(i.old.records)}
	askHubOr(i.c, i.fresh, wire.OpImport, args, func(_ nothing, refused *wire.Error) {
		switch {
		case refused != nil && refused.Code == wire.CodeUsed:
			i.c.sysopSays(i.place+" has channels already, and takes no other hub's place. Nothing was changed: put a new, empty hub up for that, and use it at once.",
				"If you mean to use it as a hub of its own: /msg sysop hub add "+i.place+" KEY")
		case refused != nil:
			i.c.sysopSays(refusedBy(i.fresh, refused)+" The old hub is as it was.", "To go on: say the same again.")
		case args.Done:
			i.verify("")
		default:
			i.give(end)
		}
	}, func(text string) {
		if args.Done { // the answer may be lost: who it is now says whether it took it
			i.verify(text)
			return
		}
		i.c.sysopSays(text+" The old hub is as it was.", "To go on: say the same again.")
	})
}

// verify asks whether the hub at the new place is what the old one was.
func (i *importing) verify(doubt string) {
	i.c.g.sysop.identify(i.place, func(found foundHub, err error) {
		if err == nil && found.Address.Fingerprint == i.old.address.Fingerprint {
			i.moves(found.Address)
			return
		}
		if err != nil {
			doubt = strings.TrimSpace(doubt + " " + sentence(err.Error()))
		}
		i.c.sysopSays(strings.TrimSpace(i.place+" has not become the exported hub. "+doubt)+" The old hub is as it was.", "To go on: say the same again.")
	})
}

// moves has the hub asked at its new place, and the old one take nothing new.
func (i *importing) moves(at channels.HubAddress) {
	known := slices.ContainsFunc(i.c.g.knownHubs(), func(h channels.HubView) bool { return h.Address.Fingerprint == at.Fingerprint })
	if !known {
		i.c.sysopSays("The hub from " + i.old.address.URL + " is up at " + at.URL + ", with its keys and guests. This gateway does not know it: its owner's has to type /msg sysop hub moved " + i.old.address.URL + " " + at.URL)
		return
	}
	i.c.sysopSays("The hub from " + i.old.address.URL + " is up at " + at.URL + ". Telling the others…")
	i.c.sysopStep(func(ref channels.Ref) channels.Input { return channels.MoveHub{Ref: ref, Hub: at, Leaves: true} },
		i.c.saysDone("The hub is at "+at.URL+" now.", "Leave the old one up for some days, for those who are offline now, or have the old address redirect to the new one; then delete it, and the exported file. How the new one is: /msg sysop hub status "+at.URL))
}

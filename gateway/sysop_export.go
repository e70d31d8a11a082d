package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// mostExportPages bounds how often a hub is asked for more of itself.
const mostExportPages = 4000

// sysopHubExport writes what makes a hub itself into a file.
func (c *client) sysopHubExport(args string) {
	const usage = "/msg sysop hub export URL FILE"
	word, name, two := strings.Cut(args, " ")
	if !two {
		word, name = "", args
	}
	if name == "" || strings.Contains(name, "://") {
		c.sysopSays("Which hub, and into which file? " + usage + ". FILE is a path on this machine, or a name: then it is put into " + c.g.sysop.folder)
		return
	}
	if like := c.hubsLike(name, c.g.core.Hubs()); !two && len(like) > 0 {
		c.sysopSays("That is a hub, and no file: " + name + ". Into which file? /msg sysop hub export " + name + " my-hub.age. It is put into " + c.g.sysop.folder + " unless you give a whole path.")
		return
	}
	path, err := c.g.sysop.exportPath(name)
	if err != nil {
		c.sysopSays(sentence(err.Error()) + " " + usage)
		return
	}
	h, ok := c.whichHub("hub export", word, true)
	if !ok {
		return
	}
	if _, err := os.Lstat(path); err == nil {
		c.sysopSays(fileTrouble(path, fs.ErrExist))
		return
	}
	c.sysopSays("Reading " + h.Address.URL + "…")
	c.readExport(h, nil, exportedHub{address: h.Address}, 0, 1, func(e exportedHub) { c.saveExport(e, path) })
}

// readExport reads a hub's records, page by page.
func (c *client) readExport(h channels.HubView, after []byte, e exportedHub, size, pages int, then func(exportedHub)) {
	askHub(c, h, wire.OpExport, wire.ExportArgs{After: after}, func(r wire.ExportResult, refused *wire.Error) {
		if refused != nil {
			c.sysopSays(refusedBy(h, refused))
			return
		}
		for _, record := range r.Records {
			size += len(record) + 8
		}
		e.records = append(e.records, r.Records...)
		switch {
		case len(r.Next) == 0:
			then(e)
		case bytes.Equal(r.Next, after) || pages >= mostExportPages || size > mostExported:
			c.sysopSays(h.Address.URL + " goes on for ever with its export, and nothing was written.")
		default:
			c.readExport(h, r.Next, e, size, pages+1, then)
		}
	})
}

// saveExport writes the file, beside the dispatcher, for that takes a moment.
func (c *client) saveExport(e exportedHub, path string) {
	passphrase := newPassphrase()
	go func() {
		err := e.save(path, passphrase)
		c.g.do(func() {
			if err != nil {
				c.sysopSays("Nothing was exported. " + fileTrouble(path, err))
				return
			}
			c.sysopSays(
				fmt.Sprintf("%s was written to %s: its keys, accounts and who may use which channel, without any text.", e.address.URL, path),
				"    passphrase: "+passphrase,
				"Write it down: it is kept nowhere. Whoever has both has your hub.",
				"To put it up elsewhere: upload a new hub there, open its page, and with the key in its claim.txt: /msg sysop hub import NEWURL KEY "+path+" PASSPHRASE")
		})
	}()
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"hubbub/channels"
)

// showInvited hands the user a one-time key: to the client that asked for it, or
// to all if that is gone, in a query with sysop, as messages, for a NOTICE would
// be shown in a channel that is too narrow for the QR code; and in a file. It is
// in no history and never shown again.
func (g *gateway) showInvited(ev channels.Invited) {
	a, known := g.asker(ev.Ref)
	path, err := g.sysop.invites.save(ev)
	if err != nil {
		slog.Error("the one-time key could not be saved", "err", err)
	}
	seen, why := false, g.whyLocal(ev.Channel)
	g.attached(func(c *client) {
		if !known || a.client == c {
			seen = true
			c.sysopSays(invitedLines(ev, why)...)
			c.tell(ev.Channel, invitedNotice(ev, why))
		}
	})
	if !seen && err == nil {
		g.tellAll(fmt.Sprintf("A one-time key for %s was made while no client was here. It is in the file %s", ev.Channel, path))
	}
}

// invitedNotice is what the channel says: the key itself is in another window.
func invitedNotice(ev channels.Invited, why string) string {
	notice := fmt.Sprintf("The one-time key%s is in your query with sysop (/query sysop).", forWhom(ev.Note))
	if ev.Local {
		notice += " It works on this machine alone: " + why
	}
	return notice
}

// howToGetAHub follows words that a key, or a channel, is for this machine alone.
const howToGetAHub = "to talk with people elsewhere, put a hub on web space first (/msg sysop help hub)."

// whyLocal is that, or what to do if the user has a hub all the same.
func (g *gateway) whyLocal(channel string) string {
	switch {
	case !ownHub(g.core.Hubs()):
		return howToGetAHub
	case g.mirrors():
		return "your own hub did not answer when the channel was put on one (/msg sysop hub list). When it does, the channel is kept there as well, and you can make another key."
	}
	return "your own hub did not answer when the channel was put on one (/msg sysop hub list). When it does: /msg sysop hub mirror " + channel + ", and then make another key."
}

// invitedLines is the key as sysop shows it.
func invitedLines(ev channels.Invited, why string) []string {
	lines := []string{
		fmt.Sprintf("This one-time key%s opens %s to one person, once, until %s. Hand it over in person or over a channel you trust: whoever has it can take that place.",
			forWhom(ev.Note), ev.Channel, moment(ev.Expires)),
	}
	if ev.Local {
		lines = append(lines, "The key works on this machine alone, in another gateway: "+why)
	}
	return append(append(lines, ifOpenAlready(ev)), withPicture(ev.Key, joinLine(ev))...)
}

// ifOpenAlready is what the other does who has a channel of that name, as of an earlier
// key: irssi, for one, sends no JOIN then, so that the gateway can't say anything.
func ifOpenAlready(ev channels.Invited) string {
	return fmt.Sprintf("Who has a %s open already types another name in its place, such as %s2: many clients do nothing for a channel that is open.", ev.Name, ev.Name)
}

// withPicture is a key as a QR code, with the line to type. On a screen of
// 80×24 there is room for both if the hub's URL is short, and for nothing else.
// Otherwise the code comes last: a code with its top scrolled away is none,
// while the line can be scrolled to.
func withPicture(key, line string) []string {
	var picture []string
	for _, row := range keyPicture(key) {
		picture = append(picture, ircColours(row))
	}
	if len(picture)+lineRows(key) > screenRows {
		return append([]string{"They type this line, or scan the picture under it, which holds the key as well:", line}, picture...)
	}
	lines := append([]string{"They type the line under this picture, which holds the key as well:"}, picture...)
	return append(lines, line)
}

// screenRows is what irssi and WeeChat show of a query at 80×24.
const screenRows = 21

// lineRows is how many rows the line to type takes in irssi, which breaks it
// before the key, and the key where the screen ends.
func lineRows(key string) int { return 1 + (len(key)+79)/80 }

// joinLine is what the other types.
func joinLine(ev channels.Invited) string { return "/join " + ev.Name + " " + ev.Key }

// keyPicture is the key as a QR code, or nothing if it is too long for one.
func keyPicture(key string) []string {
	code, err := qrCode(key)
	if err != nil {
		return nil
	}
	return halfBlocks(code)
}

// forWhom is " for bob", or nothing.
func forWhom(note string) string {
	if note == "" {
		return ""
	}
	return " for " + note
}

// moment is a time as people read it, in the machine's zone.
func moment(t time.Time) string { return t.Local().Format("Mon 2 Jan 15:04") }

// inviteFiles is the folder with the one-time keys that are still open, for
// who closes the client too early. Each is a file 0600, named "3-bob.txt" for
// its number and channel.
type inviteFiles struct{ dir string }

// save writes the key's file and returns its path.
func (f inviteFiles) save(ev channels.Invited) (string, error) {
	if f.dir == "" {
		return "", errors.New("there is no folder for it")
	}
	path := filepath.Join(f.dir, fmt.Sprintf("%d-%s.txt", ev.Number, fileName(ev.Channel)))
	text := fmt.Sprintf("One-time key %d%s: it opens %s to one person, once, until %s.\n\n%s\n\n%s\n\n%s\n",
		ev.Number, forWhom(ev.Note), ev.Channel, moment(ev.Expires),
		strings.Join(keyPicture(ev.Key), "\n"), joinLine(ev), ifOpenAlready(ev))
	return path, writePrivate(path, []byte(text))
}

// prune removes the files of keys that are not open any more.
func (f inviteFiles) prune(invites []channels.InviteView) error {
	if f.dir == "" {
		return nil
	}
	open := make(map[int]bool)
	for _, v := range invites {
		open[v.Number] = v.State == inviteOpen
	}
	entries, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "-")
		if n, bad := strconv.Atoi(number); bad == nil && !open[n] {
			err = errors.Join(err, os.Remove(filepath.Join(f.dir, e.Name())))
		}
	}
	return err
}

// inviteOpen is the state of a one-time key that can still be redeemed.
const inviteOpen = "open"

// fileName is a channel's name with nothing in it that a file's must not have
// on any system, or that leads elsewhere.
func fileName(channel string) string {
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, strings.TrimLeft(channel, "#"))
	return cut(name, 40)
}

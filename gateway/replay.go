package main

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"hubbub/channels"
)

// Lines reach a client in the order of their numbers. Behind them goes a PING
// whose token names the last one; its PONG says that the client has shown them,
// and is kept as the mark of the client's name. There is one such marker on the
// way at a time, and only so much unconfirmed text: a long backlog comes in
// portions, and a slow client neither fills memory nor holds up others.

// Bounds of what is under way to one client, in bytes.
const (
	maxUnconfirmed = 32 << 10
	maxWaiting     = 4 << 20 // of live lines behind a backlog; past it the client starts over
)

// delivery is how far a client is with the lines.
type delivery struct {
	waiting []item
	live    int   // bytes of what waits and is not replayed
	sent    int64 // the last line written
	shown   int64 // the last line confirmed
	marker  int64 // the line that the PING under way stands for; 0: none is
	flight  int   // bytes before that PING
	after   int   // bytes behind it
	batches int
}

// item is a line on its way to a client.
type item struct {
	line     channels.Line
	replayed bool // missed earlier
	typed    bool // this very client typed it, and does not want to hear it
}

// deliver gives a client a line, at once or when its turn comes.
func (c *client) deliver(it item) {
	d := &c.delivery
	if len(d.waiting) == 0 && d.flight+d.after < maxUnconfirmed {
		c.write(it, "")
		return
	}
	d.waiting = append(d.waiting, it)
	if d.live += len(it.line.Text); d.live > maxWaiting {
		c.g.drop(c, "too far behind; come back for the rest")
	}
}

// replay begins a client's backlog.
func (c *client) replay() {
	lines, err := c.g.core.Backlog(c.name)
	if err != nil {
		slog.Error("reading the history failed", "err", err)
		c.sysopSays("What you missed can't be shown, for the phonebook could not be read: " + err.Error() + ". Reconnect to try again.")
		return
	}
	for _, l := range lines {
		c.delivery.waiting = append(c.delivery.waiting, item{line: l, replayed: true})
	}
	c.fill()
	c.mark()
}

// fill writes what waits, as much as may be under way. Runs of replayed lines
// of one channel are a batch (ircv3.net/specs/batches/chathistory).
func (c *client) fill() {
	d := &c.delivery
	batch, channel := "", ""
	end := func() {
		if batch != "" {
			c.send(message{from: serverName, command: "BATCH", params: []string{"-" + batch}})
			batch, channel = "", ""
		}
	}
	for len(d.waiting) > 0 && d.flight+d.after < maxUnconfirmed && !c.closed {
		it := d.waiting[0]
		d.waiting[0], d.waiting = item{}, d.waiting[1:]
		if batch != "" && (!it.replayed || it.line.Channel != channel) {
			end()
		}
		if batch == "" && it.replayed && c.caps.has(capBatch) {
			d.batches++
			batch, channel = "h"+strconv.Itoa(d.batches), it.line.Channel
			c.send(message{from: serverName, command: "BATCH", params: []string{"+" + batch, "chathistory", channel}})
		}
		if !it.replayed {
			d.live -= len(it.line.Text)
		}
		c.write(it, batch)
	}
	end()
}

// write sends a line.
func (c *client) write(it item, batch string) {
	d := &c.delivery
	d.sent = max(d.sent, it.line.ID)
	if it.typed {
		return
	}
	c.showChannel(it.line.Channel)
	for _, m := range c.lineMessages(it) {
		m.tags = map[string]string{"time": timeTag(it.line.Time)}
		if batch != "" {
			m.tags["batch"] = batch
		}
		d.after += len(m.params[1]) + 100
		c.send(m)
	}
}

// lineMessages are the IRC messages that show a line.
func (c *client) lineMessages(it item) []message {
	l := it.line
	from, command := l.From, "PRIVMSG"
	switch {
	case l.Kind == channels.Info:
		from, command = serverNick, "NOTICE"
	case l.Kind == channels.Notice:
		command = "NOTICE"
	}
	if l.Own {
		from = c.nick
	}
	mark := c.g.timeMark(it)
	if l.Quoted != "" {
		mark += quoteMark(l)
	}
	space := room(from, command, l.Channel) - len(mark)
	before, after := mark, ""
	if l.Kind == channels.Action && l.Quoted == "" {
		before, after = "\x01ACTION "+mark, "\x01"
		space -= len("\x01ACTION \x01")
	}
	var out []message
	for _, piece := range splitText(cleanText(l.Text), space) {
		out = append(out, message{from: prefixOf(from), command: command, params: []string{l.Channel, before + piece + after}})
	}
	return out
}

// oldAfter is the age at which a line that has just come is shown with its time.
const oldAfter = 5 * time.Minute

// timeMark is what stands before a line that is shown at another time than its
// own: "[14:03] ". It stands there whatever the client can do with server-time,
// for irssi asks for that and then ignores it.
func (g *gateway) timeMark(it item) string {
	now, at := g.settings.Now(), it.line.Time
	switch {
	case it.line.Late:
		return clockMark(at, now, "late, ")
	case !it.replayed && now.Sub(at) < oldAfter:
		return ""
	}
	return clockMark(at, now, "")
}

// clockMark is a time before a text: "[14:03] ", with the day if it was another.
func clockMark(at, now time.Time, why string) string {
	now, at = now.Local(), at.Local()
	form := "15:04"
	if now.Format(time.DateOnly) != at.Format(time.DateOnly) {
		form = "2006-01-02 15:04"
	}
	return "[" + why + at.Format(form) + "] "
}

// timeTag is a time as server-time has it (ircv3.net/specs/extensions/server-time).
func timeTag(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// markerPrefix begins the token of a marker.
const markerPrefix = "hubbub-line-"

// mark sends a marker behind what was written, unless one is on its way.
func (c *client) mark() {
	d := &c.delivery
	if c.closed || d.marker != 0 || d.sent <= d.shown {
		return
	}
	d.marker, d.flight, d.after = d.sent, d.flight+d.after, 0
	c.send(message{from: serverName, command: "PING", params: []string{markerPrefix + strconv.FormatInt(d.marker, 10)}})
}

// ponged takes a PONG's token: of the marker, the lines before it are delivered.
func (c *client) ponged(token string) {
	d := &c.delivery
	number, ok := strings.CutPrefix(token, markerPrefix)
	if !ok || d.marker == 0 || number != strconv.FormatInt(d.marker, 10) {
		return
	}
	d.shown, d.marker, d.flight = d.marker, 0, 0
	c.g.step(channels.Delivered{Client: c.name, Line: d.shown})
	c.fill()
	c.mark()
}

// markAll sends the markers that a step has made due.
func (g *gateway) markAll() {
	g.attached(func(c *client) { c.mark() })
}

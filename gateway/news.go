package main

import (
	"strings"
	"time"

	"hubbub/channels"
)

// What belongs to no line of a channel is told once: a warning loudly, in its
// channel or as sysop's message; news as a NOTICE. With no client attached it
// waits for the next.

// unheard is what waits.
type unheard struct {
	channel, text string
	news          bool
	at            time.Time
}

// Most of each that waits: the newest. Many news, of a hub that comes and goes
// all night, push out no warning.
const (
	mostUnheardWarnings = 50
	mostUnheardNews     = 20
)

// warn says loudly what belongs to no line: in its channel, and if a client
// does not show that, from sysop.
func (g *gateway) warn(ev channels.Warn) {
	any := false
	g.attached(func(c *client) {
		any = true
		if ev.Channel == "" {
			c.sysopSays(ev.Text)
		} else if c.isIn(ev.Channel) {
			c.tell(ev.Channel, ev.Text)
		} else {
			c.sysopSays(strings.TrimSpace(ev.Channel + ": " + ev.Text))
		}
	})
	if !any {
		g.keepUnheard(unheard{channel: ev.Channel, text: ev.Text}, mostUnheardWarnings)
	}
}

// showNews says what has changed and is no cause for alarm. mark, if it is old,
// is when it was.
func (g *gateway) showNews(ev channels.News, mark string) {
	any, text := false, sentence(ev.Text, g.nicksOf(ev.Channel)...)
	g.attached(func(c *client) {
		any = true
		switch {
		case ev.Channel == "":
			c.notice(c.target(), mark+text)
		case c.isIn(ev.Channel):
			c.notice(c.joined[fold(ev.Channel)], mark+text)
		default:
			c.notice(c.target(), mark+ev.Channel+": "+text)
		}
	})
	if !any {
		g.keepUnheard(unheard{channel: ev.Channel, text: ev.Text, news: true}, mostUnheardNews)
	}
}

// nicksOf are the nicks of a channel's members.
func (g *gateway) nicksOf(channel string) (nicks []string) {
	v, _ := g.core.Channel(channel)
	for _, m := range v.Members {
		nicks = append(nicks, m.Nick)
	}
	return nicks
}

// tellAll has sysop say something to all clients. If there is none it is kept
// for the next.
func (g *gateway) tellAll(texts ...string) {
	g.warn(channels.Warn{Text: strings.Join(texts, "\n")})
}

// keepUnheard keeps something for the next client, and at most so many of its kind.
func (g *gateway) keepUnheard(u unheard, most int) {
	u.at = g.settings.Now()
	g.unheard = append(g.unheard, u)
	n, oldest := 0, 0
	for i := len(g.unheard) - 1; i >= 0; i-- {
		if g.unheard[i].news == u.news {
			n, oldest = n+1, i
		}
	}
	if n > most {
		g.unheard = append(g.unheard[:oldest], g.unheard[oldest+1:]...)
	}
}

// tellUnheard tells what has waited for a client.
func (g *gateway) tellUnheard() {
	waited := g.unheard
	g.unheard = nil
	for _, u := range waited {
		if u.news {
			g.showNews(channels.News{Channel: u.channel, Text: u.text}, clockMark(u.at, g.settings.Now(), ""))
		} else {
			g.warn(channels.Warn{Channel: u.channel, Text: u.text})
		}
	}
}

package sim

import (
	"strings"
	"time"
)

// outage is a time in which a hub did not answer, or a moment in which it lost
// its memory, and who must have noticed.
type outage struct {
	h         *house
	url       string
	from, to  time.Time
	wiped     bool
	witnesses []*person
}

// How long what is told may take, and how long before it nothing else may happen
// to who is to be told.
const (
	toldWithin = 3 * time.Minute
	toldAround = 12 * time.Minute
	toldPause  = 70 * time.Minute // of a hub that comes and goes the user is told hourly
	toldMove   = 3 * time.Hour    // a move is heard of within two, and for an hour more a hub is taken for a copy that was made for it
)

// shake notes that something happened to somebody, or a hub, that may keep the
// user from being told of something else.
func (w *World) shake(p *person, h *house) {
	if p != nil {
		p.shaken = append(p.shaken, w.now)
	}
	if h != nil {
		h.shaken = append(h.shaken, w.now)
	}
}

func shakenIn(times []time.Time, from, to time.Time) bool {
	for _, t := range times {
		if !t.Before(from) && !t.After(to) {
			return true
		}
	}
	return false
}

// witness begins an outage: whose fetch waits at the hub notices.
func (h *house) witness(wiped bool) *outage {
	o := &outage{h: h, url: h.url, from: h.w.now, wiped: wiped}
	seen := map[*person]bool{}
	for _, l := range h.held {
		if l.p.life == l.life && l.p.on() && !seen[l.p] {
			seen[l.p] = true
			o.witnesses = append(o.witnesses, l.p)
		}
	}
	h.w.outages = append(h.w.outages, o)
	return o
}

// checkOutages holds that users were told of hubs that did not answer, once, and
// that they were back; and of those that had lost something.
func (w *World) checkOutages() {
	for _, o := range w.outages {
		end := o.to
		if end.IsZero() {
			end = w.ended
		}
		if o.wiped {
			end = o.from
		}
		for _, p := range o.witnesses {
			if shakenIn(p.shaken, o.from.Add(-time.Minute), end.Add(toldAround)) || shakenIn(o.h.shaken, o.from.Add(-toldAround), o.from.Add(-1)) ||
				shakenIn(o.h.shaken, o.from.Add(1), end.Add(toldAround)) || w.ended.Before(end.Add(toldAround)) && !o.to.IsZero() {
				continue
			}
			if o.wiped {
				if !o.h.moved.IsZero() && !o.h.moved.After(o.from) && o.from.Sub(o.h.moved) < toldMove {
					continue
				}
				lately := &outage{url: o.url, from: o.from.Add(-toldPause)}
				if lately.count(p, o.from.Add(toldAround), "lost some of", "does not know") == 0 {
					w.wrong(Told, "%s was not told that %s has lost its memory at %v", p.name, o.h.name, o.from)
				}
				continue
			}
			told := o.count(p, end, "does not answer")
			again := (&outage{url: o.url, from: o.from.Add(-toldPause)}).count(p, o.from, "does not answer") > 0 || o.downBefore(p)
			switch {
			case told == 0 && end.Sub(o.from) > toldWithin && !again:
				w.wrong(Told, "%s was not told that %s does not answer from %v to %v", p.name, o.h.name, o.from, end)
			case told > 1:
				w.wrong(Told, "%s was told %d times that %s does not answer from %v to %v", p.name, told, o.h.name, o.from, end)
			case told == 1 && !o.to.IsZero() && (&outage{url: o.url, from: o.to}).count(p, end.Add(toldAround), "answers again") == 0:
				w.wrong(Told, "%s was not told that %s answers again at %v", p.name, o.h.name, o.to)
			}
		}
	}
}

// downBefore says that the user was told that the hub does not answer, and not
// that it does again: another request of the gateway's had come to nothing, while
// its fetch still waited.
func (o *outage) downBefore(p *person) (down bool) {
	for _, t := range p.told {
		if t.kind == "news" && t.at.Before(o.from) && strings.Contains(t.text, o.url) {
			down = strings.Contains(t.text, "does not answer")
		}
	}
	return down
}

// count counts what somebody was told of a hub until a time, with any of some
// words.
func (o *outage) count(p *person, until time.Time, words ...string) (n int) {
	for _, t := range p.told {
		if t.kind != "news" || t.at.Before(o.from) || t.at.After(until) || !strings.Contains(t.text, o.url) {
			continue
		}
		for _, v := range words {
			if strings.Contains(t.text, v) {
				n++
				break
			}
		}
	}
	return n
}

package sim

import (
	"crypto/ed25519"
	"slices"
	"time"

	"hubbub/channels"
	"hubbub/channels/codec"
	"hubbub/channels/wire"
)

type publicKey = ed25519.PublicKey

// line is the way from a gateway to a hub, and what the gateway's end of it
// knows.
type line struct {
	p      *person
	h      *house
	offset time.Duration // the hub's clock less the gateway's
	asked  bool
	cut    bool
}

// line is the way to a hub.
func (p *person) line(h *house) *line {
	l := p.lines[h]
	if l == nil {
		l = &line{p: p, h: h}
		p.lines[h] = l
	}
	return l
}

// seconds is what the gateway takes the hub's clock for.
func (l *line) seconds() int64 {
	if !l.asked {
		l.asked = true
		l.correct(l.h.skew) // ?keys tells it
	}
	return l.p.clock().Add(l.offset).Unix()
}

// correct notes how far the hub's clock is from the world's.
func (l *line) correct(off time.Duration) { l.offset = l.p.w.now.Add(off).Sub(l.p.clock()) }

// letter is a request on its way, and what is done with its answer.
type letter struct {
	p         *person
	life      int
	r         channels.Request
	way       *line
	where     string // the URL that it went to
	cancelled bool
	held      bool
}

// failure is the answer that there is none.
func (l *letter) failure(kind channels.FailureKind, text string) channels.Answered {
	return channels.Answered{Request: l.r.ID, Failure: &channels.HubFailure{Kind: kind, Text: text}}
}

// How long it takes to notice that nothing comes.
const patience = 30 * time.Second

// send carries a request to its hub.
func (p *person) send(r channels.Request) {
	w := p.w
	w.asked++
	p.requests++
	l := &letter{p: p, life: p.life, r: r}
	p.flying[r.ID] = l
	h, where := w.find(r)
	if h == nil {
		w.after(w.transit(), func() { l.back(l.failure(channels.Unreachable, "no such host")) })
		return
	}
	l.way, l.where = p.line(h), where
	net := w.plan.net
	switch {
	case w.fault(net.Request):
		w.tell("    %s's %d to %s is lost", p.name, r.ID, h.name)
		w.after(w.some(patience), func() { l.back(l.failure(channels.Unreachable, "the connection broke")) })
	case w.fault(net.Stray):
		w.stray(l)
	default:
		w.after(w.transit(), func() {
			// Of a gateway that died meanwhile it may be on its way.
			if !l.cancelled && (p.life == l.life || w.chance(0.5)) {
				h.take(l)
			}
		})
	}
}

// stray has a request come to the hub long after nobody waits for it any more.
func (w *World) stray(l *letter) {
	late := w.between(time.Minute, 50*time.Hour)
	w.tell("    %s's %d to %s strays for %v", l.p.name, l.r.ID, l.way.h.name, late)
	w.after(patience, func() { l.back(l.failure(channels.Unreachable, "no answer")) })
	at := l.way.seconds()
	w.after(late, func() {
		h := l.way.h
		if h.down || h.dead {
			return
		}
		_, err := h.exchange(func() int64 { return at }, func(time.Duration) {}, l.r.Calls)
		w.tell("%s's %d comes to %s at last: %v", l.p.name, l.r.ID, h.name, err)
	})
}

// find is the hub that a request reaches, and at which of its URLs.
func (w *World) find(r channels.Request) (*house, string) {
	urls := []string{r.Hub.URL}
	for _, o := range r.Others {
		urls = append(urls, o.URL)
	}
	for _, url := range urls {
		for _, h := range w.houses {
			if h.url == url && h.hub.Fingerprint() == r.Hub.Fingerprint {
				return h, url
			}
		}
	}
	return nil, ""
}

// transit is how long something takes on its way.
func (w *World) transit() time.Duration {
	if w.calm || !w.chance(w.plan.net.Slow) {
		return time.Duration(1+w.rng.IntN(30)) * time.Millisecond
	}
	return time.Millisecond + w.some(w.plan.net.Delay)
}

// back carries an answer to the gateway.
func (l *letter) back(a channels.Answered) {
	p, w := l.p, l.p.w
	if p.life != l.life || l.cancelled {
		return
	}
	if w.fault(w.plan.net.Answer) {
		w.tell("    the answer to %s's %d is lost", p.name, l.r.ID)
		a = l.failure(channels.Unreachable, "the answer was lost")
	}
	if a.Failure == nil && l.where != l.r.Hub.URL {
		a.URL = l.where
	}
	times := 1
	if w.fault(w.plan.net.Twice) {
		times = 2
	}
	for range times {
		w.after(w.transit(), func() { l.arrive(a) })
	}
}

// arrive gives an answer to the gateway, if that is there to take it.
func (l *letter) arrive(a channels.Answered) {
	p := l.p
	switch {
	case p.life != l.life || l.cancelled:
	case p.asleep:
		if p.w.chance(0.5) {
			a = l.failure(channels.Unreachable, "the connection broke")
		}
		p.missed = append(p.missed, func() { l.arrive(a) })
	default:
		delete(p.flying, l.r.ID)
		if a.Failure == nil && fetches(l.r) {
			p.read = p.w.now
		}
		p.do(a)
	}
}

// take has the hub answer a request, now or when there is something.
func (h *house) take(l *letter) {
	w := h.w
	if h.down || h.dead || l.way.cut {
		if w.chance(0.8) {
			l.back(l.failure(channels.Unreachable, "connection refused"))
		} else {
			w.after(patience, func() { l.back(l.failure(channels.Unreachable, "no answer")) })
		}
		return
	}
	if h.broken != nil {
		if a, is := h.broken(l); is {
			l.back(a)
			return
		}
	}
	results, err := h.ask(l)
	if err != nil {
		l.back(l.failure(channels.Refused, err.Error()))
		return
	}
	lied := false
	if h.lie != nil {
		results, lied = h.lie.tell(l, results)
	}
	if l.r.Wait == 0 || lied || news(l.r, results) {
		l.back(channels.Answered{Request: l.r.ID, Results: results})
		return
	}
	if p := l.p; p.life != l.life {
		return // nobody waits
	}
	l.held = true
	h.held = append(h.held, l)
	w.after(max(l.r.Wait, w.plan.hold), func() { h.look(l, true) })
}

// look has a request that waits look again.
func (h *house) look(l *letter, over bool) {
	if !l.held || h.down || h.dead {
		return
	}
	if l.p.life != l.life {
		h.letGo(l)
		return
	}
	results, err := h.ask(l)
	if err != nil {
		h.letGo(l)
		l.back(l.failure(channels.Refused, err.Error()))
		return
	}
	lied := false
	if h.lie != nil {
		results, lied = h.lie.tell(l, results)
	}
	if over || lied || news(l.r, results) {
		h.letGo(l)
		l.back(channels.Answered{Request: l.r.ID, Results: results})
	}
}

func (h *house) letGo(l *letter) {
	l.held = false
	h.held = slices.DeleteFunc(h.held, func(other *letter) bool { return other == l })
}

// hangUp breaks off what waits.
func (h *house) hangUp(which func(*letter) bool) {
	for _, l := range slices.Clone(h.held) {
		if which(l) {
			h.letGo(l)
			l.back(l.failure(channels.Unreachable, "the connection broke"))
		}
	}
}

// news says that a waiting request is to be answered at once.
func news(r channels.Request, results []wire.Result) bool {
	for i, c := range r.Calls {
		if c.Op != wire.OpFetch {
			continue
		}
		var f wire.FetchResult
		if results[i].Error != nil || codec.Unmarshal(results[i].Value, &f) != nil || len(f.Entries) > 0 || f.More || f.Restored {
			return true
		}
	}
	return false
}

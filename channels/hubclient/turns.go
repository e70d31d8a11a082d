package hubclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// lookBackAfter is how long a hub is asked at another URL than its first before
// the first is asked whether it is back: soon, for the other may be one that the hub
// has left, where it takes nothing new.
const lookBackAfter = 5 * time.Minute

// attempt is a place that was asked in vain, and why.
type attempt struct {
	at  *place
	err *Error
}

// Locate changes where the hub is, who stays who it is. What is known of URLs
// that were there before is kept; requests under way go on where they are. If
// only the order has changed, so that the URL that worked last comes first, the
// client still looks at times whether the first one is back.
func (c *Client) Locate(a Address) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.places
	locations := a.locations()
	if slices.EqualFunc(before, locations, func(p *place, l Location) bool { return p.Location == l }) {
		return
	}
	c.places = nil
	for _, l := range locations {
		i := slices.IndexFunc(before, func(p *place) bool { return p.Location == l })
		if i < 0 {
			c.places = append(c.places, newPlace(c, l))
			continue
		}
		c.places = append(c.places, before[i])
	}
	for _, p := range before {
		if !slices.Contains(c.places, p) {
			p.road.CloseIdleConnections()
		}
	}
	if !slices.Contains(c.places, c.current) {
		c.current = c.places[0]
	}
	if c.current != c.places[0] || !slices.Contains(c.places, c.preferred) {
		c.preferred = c.places[0]
	}
}

// next returns the place to be tried now: the one that worked last, then the
// others as they stand in Address. It returns nil if all were tried; last says
// that this is the last one.
func (c *Client) next(tried []attempt) (p *place, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []*place
	for _, p := range append([]*place{c.current}, c.places...) {
		was := slices.ContainsFunc(tried, func(a attempt) bool { return a.at == p })
		if !was && !slices.Contains(left, p) {
			left = append(left, p)
		}
	}
	if len(left) == 0 {
		return nil, true
	}
	return left[0], len(left) == 1
}

// settle has the requests that follow begin at p, which worked where another
// did not. What the hub was to hold at the other is asked for anew: if nothing
// comes through there, it would wait in vain.
func (c *Client) settle(p *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p == c.current || !slices.Contains(c.places, p) {
		return
	}
	c.current.leave()
	c.current.stay, c.current.leave = context.WithCancel(context.Background())
	c.current, c.look = p, c.options.Now().Add(lookBackAfter)
}

// note keeps what became of asking at p, and returns what is wrong with the
// first place if p is another.
func (c *Client) note(p *place, failed *Error) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.trouble = ""
	if failed != nil {
		p.trouble = failed.Error()
	}
	if p == c.places[0] {
		return ""
	}
	return c.places[0].trouble
}

// lookBack asks, at times, whether the hub can be reached again at the place
// where it was at first, or one before that which worked last. Nobody waits for
// that.
func (c *Client) lookBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looking || c.current == c.preferred || c.options.Now().Before(c.look) || c.open.Err() != nil {
		return
	}
	c.looking = true
	before := []*place{c.preferred}
	for _, p := range c.places[:slices.Index(c.places, c.current)] {
		if p != c.preferred {
			before = append(before, p)
		}
	}
	go c.lookAt(before)
}

// lookAt has the requests that follow begin at the first of places at which
// the hub shows its keys, if it does at one.
func (c *Client) lookAt(places []*place) {
	var back *place
	for _, p := range places {
		_, err := p.learn(c.open, false)
		var failed *Error
		if err == nil {
			back = p
		} else if errors.As(err, &failed) {
			c.note(p, failed)
		}
		if back != nil || c.open.Err() != nil {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking, c.look = false, c.options.Now().Add(lookBackAfter)
	if back != nil && slices.Contains(c.places, back) {
		c.current, back.trouble = back, ""
	}
}

// together is the error of a request that came to nothing at every place: what
// is wrong with the first, and how many others were tried.
func (c *Client) together(tried []attempt) *Error {
	if len(tried) == 1 {
		return tried[0].err
	}
	c.mu.Lock()
	first := c.places[0]
	c.mu.Unlock()
	e := *tried[0].err
	for _, a := range tried {
		if a.at == first {
			e = *a.err
		}
	}
	e.Tried = len(tried)
	for _, a := range tried {
		e.Retry = min(e.Retry, a.err.Retry)
	}
	if others := len(tried) - 1; others == 1 {
		e.Text = join(e.Text, "nor did its other address work")
	} else {
		e.Text = join(e.Text, fmt.Sprintf("nor did its %d other addresses work", others))
	}
	return &e
}

// join is what of two texts is there.
func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

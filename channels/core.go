package channels

import (
	"errors"
	"time"
)

// Options for Open.
type Options struct {
	Nick string // used while the phonebook has none; may be empty
}

// ErrNewerPhonebook is returned by Open for a phonebook that a newer hubbub wrote.
var ErrNewerPhonebook = errors.New("the phonebook was written by a newer hubbub: upgrade this one")

// Core is the step machine with its phonebook. It is not safe for concurrent
// use: one goroutine owns it.
type Core struct {
}

// Open opens the phonebook in folder dir (made 0700 if missing, the file 0600),
// migrating an older one after copying it.
func Open(dir string, o Options) (*Core, error) { return nil, errors.New("not built yet") }

// Close closes the phonebook. Nothing is lost without it.
func (c *Core) Close() error { return nil }

// Step takes one input in one phonebook transaction. A returned error is the
// phonebook's (disk full, file gone): nothing of the input took effect, memory
// is as before, and the same input may be given again. Whatever else fails is
// an event. Own clocks may jump: now is only compared with a margin.
func (c *Core) Step(in Input, now time.Time) (Output, error) { return Output{}, nil }

// Nick is the user's nick; empty while none was chosen.
func (c *Core) Nick() string { return "" }

// Channels lists all channels, hidden ones too, by name.
func (c *Core) Channels() []ChannelView { return nil }

// Channel finds a channel by name.
func (c *Core) Channel(name string) (ChannelView, bool) { return ChannelView{}, false }

// Backlog is what the client of that name has not been shown yet: lines behind
// its mark, or, if it has none, the last 50 of each channel; in order of ID.
// Hidden channels have none.
func (c *Core) Backlog(client string) ([]Line, error) { return nil, nil }

// Hubs lists the hubs that the user has an account on.
func (c *Core) Hubs() []HubView { return nil }

// Invites lists the one-time keys that the user made, newest first; those no
// longer open for a week.
func (c *Core) Invites() []InviteView { return nil }

// Safety is the channel's safety number: 40 digits in groups of five.
func (c *Core) Safety(channel string) (string, error) { return "", nil }

// Seen says, a member each, who has the user's texts in a channel.
func (c *Core) Seen(channel string) ([]SeenView, error) { return nil, nil }

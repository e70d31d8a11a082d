package channels

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
)

// The states of a channel.
const (
	stateRedeeming = "redeeming" // a one-time key is being redeemed; not shown yet
	stateWaiting   = "waiting"   // joined, but the members are not known yet
	stateMember    = "member"
	stateRemoved   = "removed" // by somebody above
	stateLeaving   = "leaving" // left; what the others are to be told is still to be put
)

// channel is a channel as the phonebook has it, kept at hand.
type channel struct {
	row     int64
	name    string // empty: not shown
	state   string
	id      session.Channel
	key     ed25519.PrivateKey // the member's
	token   ed25519.PrivateKey
	self    session.Member
	created time.Time
	hidden  bool
	seq     int64
	head    session.ID
	told    string
	spoke   time.Time
	saw     time.Time
	rekey   bool
	alarmed bool
	blob    *welcome // waiting only

	written saved       // the columns of the above that change, as they are in the phonebook
	set     *roster.Set // nil: not read yet
	shown   []shownMember
	topic   roster.Hash // of the topic that is shown
	forks   int         // how many the user was told of
	prekeys map[session.Secret]session.Prekey
	tries   tries
	known   map[[32]byte]bool // hashes of the operations' bytes, as long as they are as many
}

// saved are a channel's columns that change.
type saved struct {
	name, state, told      string
	hidden, rekey, alarmed bool
	seq                    int64
	head                   session.ID
	spoke, saw             time.Time
	blob                   *welcome
}

// welcome is what an invite's blob told a joiner, kept until the members are known.
type welcome struct {
	Inviter session.Member `cbor:"inviter"`
	Invite  session.Member `cbor:"invite"` // the invite key's public half
	Prekey  []byte         `cbor:"prekey"` // the invite prekey
	Nick    string         `cbor:"nick"`   // the inviter's
	// Who else may let the joiner in, by the offer, and their nicks.
	Members []session.Member `cbor:"members,omitempty"`
	Nicks   []string         `cbor:"nicks,omitempty"`
}

// shownMember is a member as clients were told.
type shownMember struct {
	id   session.Member
	nick string
	live bool // one seals to him
}

const selectChannels = `SELECT id, coalesce(name, ''), state, channel, member, token, created, hidden,
	seq, head, told, spoke, saw, rekey, alarmed, blob FROM channels ORDER BY id`

// readChannel reads a row of selectChannels.
func readChannel(r row) *channel {
	var (
		ch                      channel
		id, member, token, head []byte
		blob                    []byte
		created, spoke, saw     int64
	)
	scan(r, &ch.row, &ch.name, &ch.state, &id, &member, &token, &created, &ch.hidden,
		&ch.seq, &head, &ch.told, &spoke, &saw, &ch.rekey, &ch.alarmed, &blob)
	ch.id = session.Channel(id)
	ch.key, ch.token = ed25519.NewKeyFromSeed(member), ed25519.NewKeyFromSeed(token)
	ch.self = session.Member(ch.key.Public().(ed25519.PublicKey))
	ch.created, ch.spoke, ch.saw = moment(created), moment(spoke), moment(saw)
	if len(head) > 0 {
		ch.head = session.ID(head)
	}
	if len(blob) > 0 {
		ch.blob = new(welcome)
		if err := codec.Unmarshal(blob, ch.blob); err != nil {
			panic(brokenPhonebook{err})
		}
	}
	ch.written = ch.saved()
	return &ch
}

func (ch *channel) saved() saved {
	return saved{ch.name, ch.state, ch.told, ch.hidden, ch.rekey, ch.alarmed, ch.seq, ch.head, ch.spoke, ch.saw, ch.blob}
}

// save writes what has changed of a channel.
func (s *step) save(ch *channel) {
	now := ch.saved()
	if now == ch.written {
		return
	}
	var head []byte
	if now.head != (session.ID{}) {
		head = now.head[:]
	} else {
		head = []byte{}
	}
	s.book.run(`UPDATE channels SET name = nullif(?, ''), state = ?, told = ?, hidden = ?, rekey = ?, alarmed = ?,
		seq = ?, head = ?, spoke = ?, saw = ?, blob = ? WHERE id = ?`,
		now.name, now.state, now.told, now.hidden, now.rekey, now.alarmed,
		now.seq, head, stamp(now.spoke), stamp(now.saw), encode(now.blob), ch.row)
	ch.written = now
}

// encode is the CBOR of a welcome, NULL for none.
func encode(w *welcome) any {
	if w == nil {
		return nil
	}
	return mustEncode(w)
}

// mustEncode is the CBOR of a struct of this program's own making.
func mustEncode(v any) []byte {
	b, err := codec.Marshal(v)
	if err != nil {
		panic("channels: " + err.Error())
	}
	return b
}

// add makes a new channel, with new keys.
func (s *step) add(name, state string, id session.Channel, key, token ed25519.PrivateKey, blob *welcome) *channel {
	ch := &channel{name: name, state: state, id: id, key: key, token: token, created: s.now, blob: blob}
	ch.self = session.Member(key.Public().(ed25519.PublicKey))
	ch.row = s.book.insert(`INSERT INTO channels (name, state, channel, member, token, created, blob)
		VALUES (nullif(?, ''), ?, ?, ?, ?, ?, ?)`,
		name, state, id[:], key.Seed(), token.Seed(), stamp(s.now), encode(blob))
	ch.written = ch.saved()
	s.channels[ch.row] = ch
	return ch
}

// remove deletes a channel with all that belongs to it.
func (s *step) remove(ch *channel) {
	s.forgetPlaces(ch)
	s.book.run("DELETE FROM channels WHERE id = ?", ch.row)
	delete(s.channels, ch.row)
	s.forgot()
}

// named finds a channel that is shown by its name.
func (c *Core) named(name string) *channel {
	for _, ch := range c.channels {
		if ch.name != "" && sameName(ch.name, name) {
			return ch
		}
	}
	return nil
}

// sorted are the channels in the order in which they were made.
func (c *Core) sorted() []*channel {
	all := make([]*channel, 0, len(c.channels))
	for _, ch := range c.channels {
		all = append(all, ch)
	}
	slices.SortFunc(all, func(a, b *channel) int { return int(a.row - b.row) })
	return all
}

func sameName(a, b string) bool { return foldName(a) == foldName(b) }

// maxChannelName is the longest channel name in bytes.
const maxChannelName = 50

// checkChannelName says whether a channel may have a name: # and at least one
// more byte, without what IRC cannot carry in one.
func checkChannelName(name string) bool {
	if len(name) < 2 || len(name) > maxChannelName || name[0] != '#' || !utf8.ValidString(name) {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r == ',' || r == ':' || r == 0x7f || r == '*' || r == '?' || deceptive(r) || r == 0xa0
	})
}

// ops is the channel's set of operations, read once.
func (s *Core) ops(ch *channel) *roster.Set {
	if ch.set != nil {
		return ch.set
	}
	set := roster.NewSet(roster.Channel(ch.id))
	for _, b := range list(s.book, readBytes, "SELECT bytes FROM operations WHERE channel = ? ORDER BY id", ch.row) {
		op, err := roster.Parse(b)
		if err == nil {
			_, err = set.Add(op)
		}
		if err != nil {
			panic(brokenPhonebook{err})
		}
	}
	ch.set = set
	ch.shown = s.present(ch)
	ch.topic, ch.forks = set.Evaluate().Topic.Op, len(set.Evaluate().Forks)
	return set
}

// view is what the channel's operations mean.
func (s *Core) view(ch *channel) *roster.View { return s.ops(ch).Evaluate() }

// others are the members other than oneself that one seals to.
func (s *Core) others(ch *channel) []roster.MemberView {
	var others []roster.MemberView
	for _, m := range s.view(ch).Members {
		if session.Member(m.ID) != ch.self && !m.Suspended {
			others = append(others, m)
		}
	}
	return others
}

func readBytes(r row) (b []byte)  { scan(r, &b); return b }
func readNumber(r row) (n int64)  { scan(r, &n); return n }
func readString(r row) (t string) { scan(r, &t); return t }

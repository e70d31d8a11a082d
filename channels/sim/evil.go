package sim

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"hubbub/channels/codec"
	"hubbub/channels/roster"
	"hubbub/channels/session"
	"hubbub/channels/wire"
)

// In some worlds one member is malicious. Her gateway is the real one, but now and
// then she takes her keys out of its phonebook and seals and signs what no gateway
// would. What she and those below her are promised is nothing; all others must be
// as well off as if she was not there.

// forger is her hand at work.
type forger struct {
	s       *seat
	channel session.Channel
	key     ed25519.PrivateKey
	token   ed25519.PrivateKey
	seq     int64
	head    session.ID
	sender  session.SenderKey
	set     *roster.Set
	others  []session.Recipient
	keyIDs  []session.KeyID // others'
	entries [][]byte        // that others have put
	texts   int
}

// mischief is what she does, and how it is called.
type mischief struct {
	name string
	do   func(f *forger)
}

var mischiefs = []mischief{
	{"operations of another time", (*forger).backdate},
	{"a flood of operations", func(f *forger) {
		for i := range 20 + f.w().rng.IntN(40) {
			f.operate(roster.Topic{Text: fmt.Sprint("flood ", i)}, nil)
		}
	}},
	{"rubbish at the hubs", (*forger).rubbish},
	{"a forked log", func(f *forger) {
		seq, head := f.seq, f.head
		f.say("this")
		f.seq, f.head = seq, head
		f.say("and that")
	}},
	{"others' words under her key", (*forger).reseal},
	{"others' key ids", func(f *forger) {
		for _, id := range f.keyIDs {
			f.sender = session.NewSenderKey()
			f.sender.ID = id
			f.newKey()
		}
		f.say("squatting")
	}},
	{"all over again", (*forger).replay},
	{"removals that are not hers to make", func(f *forger) {
		for _, o := range f.s.talk.seats {
			if o != f.s && !f.s.above(o) {
				f.operate(roster.Remove{Member: roster.Member(o.id), Head: f.set.All()[0].Hash(), Seq: -1}, nil)
			}
		}
	}},
	{"asides of rubbish", (*forger).asides},
	{"a jump", func(f *forger) {
		f.seq += 2 + int64(f.w().rng.IntN(300))
		f.say("far on")
	}},
	{"lies about what was seen", func(f *forger) {
		b := f.body(session.Seen{})
		for _, o := range f.others[:min(len(f.others), session.MaxSeen)] {
			b.Seen = append(b.Seen, session.Head{From: o.Member, Seq: f.seq + 100, ID: session.ID{1, 2}})
		}
		f.send(b)
	}},
	{"others' prekeys as her own", func(f *forger) {
		for _, o := range f.others {
			f.send(f.body(session.FreshPrekey{Prekey: session.NumberedPrekey{Number: session.MaxNumber - 1, Public: o.Prekey}}))
		}
	}},
	{"operations that name what is not there", func(f *forger) {
		f.operate(roster.Topic{Text: "of nothing"}, func(op *roster.Op) { op.Heads = append(op.Heads, roster.Hash{0xff, 0xff}) })
	}},
}

// evil has one of those who were invited turn malicious, and somebody above put
// her out some time later.
func (w *World) evil() {
	if w.calm {
		return
	}
	tk := w.talks[0]
	them := slices.DeleteFunc(tk.live(), func(s *seat) bool { return s.join == nil || s.weak || !s.p.on() || len(s.p.backups) > 0 })
	if len(them) == 0 {
		return
	}
	s := pick(w, them)
	w.tell("%s is malicious", s.p.name)
	w.mishaps["a malicious member"]++
	s.evil, s.p.evil = true, true
	if w.chance(0.5) {
		s.hoard()
	}
	rest := w.plan.length - w.now.Sub(w.begun)
	for range 2 + w.rng.IntN(4) {
		w.after(w.some(rest), func() { s.mischief() })
	}
	if w.chance(0.7) {
		w.after(w.some(rest), func() {
			above := slices.DeleteFunc(tk.live(), func(o *seat) bool { return !o.above(s) || !o.p.on() })
			if len(above) > 0 && !w.calm {
				pick(w, above).remove(s)
				w.after(w.some(time.Minute), func() { s.mischief() }) // as long as she is let in
			}
		})
	}
}

// hoard has her make one-time keys, to come back with when she is put out.
func (s *seat) hoard() {
	w := s.talk.w
	for range 2 {
		fresh := w.person(fmt.Sprint("mal", len(w.people)))
		fresh.hoards = true
		fresh.start()
		s.invite(fresh)
	}
}

// mischief does something malicious.
func (s *seat) mischief() {
	w, p := s.talk.w, s.p
	if w.calm || p.core == nil || p.asleep {
		return
	}
	m := pick(w, mischiefs)
	p.stop()
	f := s.forge()
	if f == nil {
		p.start()
		return
	}
	w.tell("%s makes mischief in %s: %s", p.name, s.talk.name, m.name)
	w.mishaps["mischief"]++
	if s.ghost == "" && !s.removed {
		s.ghost = p.dir + " of a ghost"
		w.must(copyFolder(p.dir, s.ghost))
	}
	f.newKey()
	m.do(f)
	if w.chance(0.5) { // her gateway goes on as if it had said that
		book, err := openFile(filepath.Join(p.dir, "phonebook.db"))
		w.must(err)
		_, err = book.db.Exec("UPDATE channels SET seq = ?, head = ? WHERE name = ?", f.seq, f.head[:], s.talk.name)
		w.must(err)
		w.must(book.db.Close())
	}
	p.start()
}

// forge takes her keys out of her phonebook, nil if there are none.
func (s *seat) forge() *forger {
	p, name := s.p, s.talk.name
	rows := p.phonebook(6, "SELECT channel, member, token, seq, head, state FROM channels WHERE name = ?", name)
	if len(rows) == 0 || rows[0][5] == "waiting" {
		return nil
	}
	r := rows[0]
	f := &forger{
		s: s, channel: session.Channel([]byte(r[0].(string))), key: ed25519.NewKeyFromSeed([]byte(r[1].(string))),
		token: ed25519.NewKeyFromSeed([]byte(r[2].(string))), seq: r[3].(int64), sender: session.NewSenderKey(),
	}
	if session.Member(f.key.Public().(publicKey)) != s.id {
		return nil
	}
	copy(f.head[:], r[4].(string))
	f.set = roster.NewSet(roster.Channel(f.channel))
	const here = " JOIN channels c ON c.id = x.channel WHERE c.name = ?"
	for _, r := range p.phonebook(1, "SELECT x.bytes FROM operations x"+here+" ORDER BY x.id", name) {
		op, err := roster.Parse([]byte(r[0].(string)))
		p.w.must(err)
		_, _ = f.set.Add(op)
	}
	view := f.set.Evaluate()
	for _, r := range p.phonebook(2, "SELECT x.member, x.prekey FROM peers x"+here+" AND length(x.prekey) > 0 ORDER BY x.member", name) {
		id := session.Member([]byte(r[0].(string)))
		prekey := session.PrekeyPublic([]byte(r[1].(string)))
		if _, in := view.Member(roster.Member(id)); in && id != s.id && !slices.ContainsFunc(f.others, func(o session.Recipient) bool { return o.Prekey == prekey }) {
			f.others = append(f.others, session.Recipient{Member: id, Prekey: prekey})
		}
	}
	for _, r := range p.phonebook(1, "SELECT x.key FROM chains x"+here+" ORDER BY x.began DESC LIMIT 3", name) {
		f.keyIDs = append(f.keyIDs, session.KeyID([]byte(r[0].(string))))
	}
	for _, r := range p.phonebook(1, "SELECT x.bytes FROM entries x"+here+" AND x.bytes IS NOT NULL ORDER BY x.id DESC LIMIT 30", name) {
		f.entries = append(f.entries, []byte(r[0].(string)))
	}
	if len(f.others) == 0 || len(f.set.All()) == 0 {
		return nil
	}
	return f
}

func (f *forger) w() *World { return f.s.talk.w }

// body is her next body.
func (f *forger) body(c session.Content) session.Body {
	count, hash := f.set.Fingerprint()
	b := session.Body{
		From: f.s.id, Seq: f.seq + 1, Prev: f.head, Time: f.w().now.UnixMilli(),
		Members: session.Members{Count: int64(count), Hash: hash}, Content: c,
	}
	return b
}

// send seals a body and puts it on all hubs that let her.
func (f *forger) send(b session.Body, to ...session.Recipient) {
	encoded, err := session.EncodeBody(b)
	if err != nil {
		f.w().tell("she can't seal that: %v", err)
		return
	}
	f.seal(encoded, to...)
}

// seal seals bytes, whatever they are.
func (f *forger) seal(body []byte, to ...session.Recipient) []byte {
	sealed, err := session.Seal(session.Sealing{Channel: f.channel, From: f.key, Key: f.sender, Recipients: to, Body: body})
	if err != nil {
		f.w().tell("she can't seal that: %v", err)
		return nil
	}
	f.sender, f.head = sealed.Next, sealed.ID
	f.seq++
	f.put(sealed.Envelope)
	return sealed.Envelope
}

// newKey begins a sender key of which all have a box.
func (f *forger) newKey() {
	prekey, err := session.NewPrekey()
	f.w().must(err)
	f.send(f.body(session.FreshKey{Prekey: session.NumberedPrekey{Number: f.w().now.Unix(), Public: prekey.Public}}), f.others...)
}

// say says something that nobody is promised.
func (f *forger) say(what string) {
	w := f.w()
	text := fmt.Sprintf("%s, says %s at %d/%d", what, f.s.p.name, f.seq, len(w.texts))
	w.texts[text] = &said{text: text, from: f.s}
	f.send(f.body(session.Text{Text: text}))
}

// operate signs an operation and tells it.
func (f *forger) operate(args roster.Args, change func(*roster.Op)) {
	op, err := f.set.Draft(roster.Member(f.s.id), f.w().now.UnixMilli(), args)
	f.w().must(err)
	if change != nil {
		change(&op)
	}
	signed, err := roster.Sign(op, f.key)
	if err != nil {
		f.w().tell("she can't sign that: %v", err)
		return
	}
	_, _ = f.set.Add(signed)
	f.send(f.body(session.Ops{Ops: [][]byte{signed.Bytes()}}))
}

// put puts an entry on all hubs, as far as they take it.
func (f *forger) put(entry []byte) {
	w := f.w()
	if id := sha256.Sum256(entry); !w.stored[id] {
		w.forged[id] = true
	}
	call := wire.SignedCall{Op: wire.OpPut, Channel: wire.Channel(f.channel), Args: wire.PutArgs{Class: wire.ClassKeep, Entry: entry}, Key: f.token}
	for _, h := range w.houses {
		if h.down || h.dead || h.broken != nil || f.s.p.line(h).cut {
			continue
		}
		l := f.s.p.line(h)
		if results, err := h.exchange(l.seconds, l.correct, []wire.SignedCall{call}); err == nil && results[0].Error != nil {
			w.tell("    %s does not take it: %s", h.name, results[0].Error.Code)
		}
	}
}

// backdate signs operations as of other times and places in her chain: after those
// that she signed first, without knowing of what came since.
func (f *forger) backdate() {
	w := f.w()
	var own []*roster.Signed
	for _, op := range f.set.All() {
		if session.Member(op.Op().By) == f.s.id {
			own = append(own, op)
		}
	}
	for i := range 3 {
		before := pick(w, own)
		text := fmt.Sprint("backdated ", i, w.rng.IntN(1000))
		if f.s.out() {
			text = lateTopic + text
			w.late[text] = f.s
		}
		f.operate(roster.Topic{Text: text}, func(op *roster.Op) {
			op.N, op.Prev, op.Heads = before.Op().N+1, before.Hash(), nil
			op.Time = int64(w.rng.IntN(1_000_000))
		})
	}
}

// lateTopic is how the topics begin that are signed by who is out.
const lateTopic = "too late, and "

// rubbish puts what makes no sense.
func (f *forger) rubbish() {
	for _, size := range []int{1024, 4096, 16384, 1024} {
		entry := make([]byte, size)
		rand.Read(entry)
		entry[0] = byte(f.w().rng.IntN(4))
		f.put(entry)
	}
	for _, body := range [][]byte{{0}, {0xff}, []byte("hello"), make([]byte, 20_000)} {
		f.seal(body)
	}
	f.send(f.body(session.Snapshot{Count: 1000, Index: 3, Ops: [][]byte{{1}, {2, 3}, make([]byte, 30_000)}}))
	f.send(f.body(session.Ops{Ops: [][]byte{[]byte("no operation"), f.set.All()[0].Bytes()[1:]}}))
	f.send(f.body(session.Need{IDs: []session.ID{{}, {1}}, Keys: []session.KeyName{{}}}))
	f.send(f.body(session.Again{ID: session.ID{5}, Body: []byte("no body")}))
}

// reseal has others say what they did not, or elsewhere than where they did.
func (f *forger) reseal() {
	w := f.w()
	for _, o := range f.others {
		b := f.body(session.Text{Text: "they say so"})
		b.From = o.Member
		if forged, err := session.EncodeBody(b); err == nil {
			f.seal(forged)
			var header session.ID
			rand.Read(header[:])
			signature := ed25519.Sign(f.key, slices.Concat([]byte("hubbub/1 envelope"), f.channel[:], header[:], forged))
			f.send(f.body(session.Again{ID: session.ID{7}, Header: header, Body: forged, Signature: [64]byte(signature)}))
		}
	}
	for _, e := range f.entries {
		if len(e) < 100 || e[0] != session.FormEnvelope || !w.chance(0.3) {
			continue
		}
		other := slices.Clone(pick(w, f.entries))
		if len(other) == len(e) {
			copy(other, e[:80]) // another's content under this header
			f.put(other)
		}
		flipped := slices.Clone(e)
		flipped[17]++
		f.put(flipped)
	}
}

// replay puts again what was there, and tells operations again.
func (f *forger) replay() {
	for _, e := range f.entries[:min(len(f.entries), 10)] {
		f.put(e)
	}
	var ops [][]byte
	for _, op := range f.set.All()[:min(10, f.set.Len())] {
		ops = append(ops, op.Bytes())
	}
	slices.Reverse(ops)
	f.send(f.body(session.Ops{Ops: ops}))
	f.send(f.body(session.Ops{Ops: ops}))
}

// asides sends what is for one alone, and is nothing.
func (f *forger) asides() {
	var asides session.Asides
	for _, o := range f.others {
		a := session.Aside{For: o.Member, Number: int64(f.w().rng.IntN(3)), Sealed: make([]byte, 500)}
		rand.Read(a.Sealed)
		rand.Read(a.Enc[:])
		asides.Asides = append(asides.Asides, a)
		nonsense, err := codec.Marshal(map[string]any{"kind": "share"})
		f.w().must(err)
		a.Sealed = nonsense
	}
	f.send(f.body(asides))
}

// anyEvil says that somebody is malicious.
func (w *World) anyEvil() bool {
	return slices.ContainsFunc(w.people, func(p *person) bool { return p.evil })
}

// underEvil says that somebody is malicious, or came by a key of one who is.
func (s *seat) underEvil() bool {
	return s.evil || s.inviter() != nil && s.inviter().underEvil()
}

// hoarded has a fresh gateway come by a key that was kept until its maker was put
// out.
func (j *joining) hoarded(tk *talk) {
	w := j.p.w
	switch {
	case w.calm || j.done:
		j.done = true
	case !j.by.out():
		w.after(time.Minute, func() { j.hoarded(tk) })
	default:
		w.mishaps["a hoarded key"]++
		j.redeem(tk)
	}
}

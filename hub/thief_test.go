package hub_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/hubtest"
)

// loft is a channel of another guest's.
var loft = wire.Channel{'l', 'o', 'f', 't'}

// thief has a guest's account key, the private one, and uses it as he does.
type thief struct {
	*scene
	me      hubtest.Person // with the guest's account key
	over    chan struct{}  // closed when he is to stop
	out     atomic.Bool    // the owner is about to put him out, or has
	tried   atomic.Int64
	got     atomic.Int64 // calls that were done
	waiting sync.WaitGroup
	going   sync.WaitGroup
}

// denOf is the nth channel that the thief opens.
func denOf(n int) wire.Channel { return wire.Channel{'t', 'h', 'i', 'e', 'f', byte(n)} }

// call makes a call, and counts it. What is not refused as one of codes is a fault;
// with none it has to be done, or to be refused for want of room.
func (f *thief) call(who hubtest.Person, op wire.Op, channel wire.Channel, args any, codes ...wire.Code) {
	f.Helper()
	results, err := f.client.Do(context.Background(), who.Sign(op, channel, args))
	if err != nil {
		f.Error(op, err)
		return
	}
	f.tried.Add(1)
	refused := results[0].Error
	switch {
	case f.out.Load():
	case refused == nil && len(codes) == 0:
		f.got.Add(1)
	case refused == nil:
		f.Errorf("the thief may %s in %.8q", op, channel)
	case len(codes) == 0 && !slices.Contains([]wire.Code{wire.CodeFull, wire.CodeBusy}, refused.Code),
		len(codes) > 0 && !slices.Contains(codes, refused.Code):
		f.Errorf("the thief's %s in %.8q: %v", op, channel, refused)
	}
}

// fills opens channels and fills the guest's quota with what is never dropped, as
// with texts and slots.
func (f *thief) fills(round int) {
	den, root := denOf(round%20), f.as("thief's root")
	f.call(f.me, wire.OpOpen, den, wire.OpenArgs{Root: hubtest.Token("thief's root")})
	for _, class := range []wire.Class{wire.ClassText, wire.ClassKeep, wire.ClassKeep} {
		f.call(root, wire.OpPut, den, wire.PutArgs{Class: class, Entry: fmt.Appendf(nil, "%s %d %50000d", class, f.tried.Load(), 0)})
	}
	f.call(root, wire.OpGrant, den, wire.GrantArgs{Token: hubtest.Token(fmt.Sprint("thief ", round)), Under: hubtest.Token("thief's root")})
	f.call(root, wire.OpOffer, den, wire.OfferArgs{Slot: wire.Slot{'t', byte(round), byte(round >> 8)}, Number: 1, Invite: hubtest.Token("x"),
		Expires: f.now.Add(time.Hour).Unix(), Blob: make([]byte, wire.MaxBlob)})
}

// meddles tries all that is not the account's: others' channels, the guest's own,
// which are their members', and the owner's calls.
func (f *thief) meddles() {
	for _, channel := range []wire.Channel{cellar, lounge, loft} {
		f.call(f.me, wire.OpOpen, channel, wire.OpenArgs{Root: hubtest.Token("thief's root")}, wire.CodeDenied)
		for op, args := range map[wire.Op]any{
			wire.OpPut: wire.PutArgs{Class: wire.ClassText, Entry: []byte("I am gus")}, wire.OpFetch: wire.FetchArgs{Limit: 1}, wire.OpStatus: nil,
			wire.OpAck: wire.AckArgs{Position: f.now.UnixMicro() + 1<<40}, wire.OpClose: nil, wire.OpWithdraw: wire.WithdrawArgs{Slot: wire.Slot{1}},
			wire.OpRevoke: wire.RevokeArgs{Token: hubtest.Token("gus's token")},
			wire.OpGrant:  wire.GrantArgs{Token: hubtest.Token("thief"), Under: hubtest.Token("gus's token")},
		} {
			f.call(f.me, op, channel, args, wire.CodeDenied)
		}
	}
	for _, call := range f.ownersCalls("gus") {
		f.call(f.me, call.Op, call.Channel, call.Args, wire.CodeDenied)
	}
	f.call(f.me, wire.OpDropGuest, wire.Channel{}, wire.DropGuestArgs{Name: "gert"}, wire.CodeDenied)
	f.call(f.me, wire.OpBan, wire.Channel{}, wire.BanArgs{Name: "gert"}, wire.CodeDenied)
	f.call(f.me, wire.OpImport, wire.Channel{}, wire.ImportArgs{}, wire.CodeDenied)
	f.call(f.me, wire.OpClaim, wire.Channel{}, wire.ClaimArgs{Secret: f.guestKey("gert").Secret}, wire.CodeUsed)
	f.call(f.me, wire.OpRedeem, wire.Channel{}, wire.RedeemArgs{Slot: wire.Slot{1}, Number: 1, Token: hubtest.Token("thief"), Entries: [][]byte{{1}}}, wire.CodeDenied)
}

// waits wants all the places that there are for those who wait, in a channel of the
// thief's own, until he is to stop.
func (f *thief) waits() {
	for i := range 2 * hub.DefaultHeld {
		f.waiting.Go(func() {
			for {
				select {
				case <-f.over:
					return
				default:
				}
				result, err := f.as(fmt.Sprint("thief ", i)).Fetch(denOf(i), f.head(i))
				if err != nil {
					f.Error("waiting: ", err)
				}
				if result.Retry > 0 { // not a minute, as he is told
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
}

// head is the end of a channel of the thief's.
func (f *thief) head(n int) wire.FetchArgs {
	f.Helper()
	args := wire.FetchArgs{Limit: 1000}
	for {
		result, err := f.as(fmt.Sprint("thief ", n)).Fetch(denOf(n), args)
		f.ok(err)
		if n := len(result.Entries); n > 0 {
			args.After, args.ID = result.Entries[n-1].Position, idOf(string(result.Entries[n-1].Bytes))
		}
		if !result.More {
			args.Wait = 400
			return args
		}
	}
}

// steal lets the thief loose until stop, beside the guest himself.
func (s *scene) steal() *thief {
	f := &thief{scene: s, me: s.as("gus"), over: make(chan struct{})}
	f.going.Go(func() {
		for round := 0; ; round++ {
			select {
			case <-f.over:
				return
			default:
			}
			f.fills(round)
			f.meddles()
			if round == 20 {
				f.waits()
			}
		}
	})
	return f
}

func (f *thief) stop() {
	close(f.over)
	f.going.Wait()
	f.waiting.Wait()
}

// talks has somebody say lines in a channel, of both classes, and another read each
// as it comes. It returns what was said.
type talk struct {
	channel        wire.Channel
	says, hears    string
	said           []string // of class text
	kept           []string // of class keep
	refused        int
	at             wire.FetchArgs
	longest, quiet time.Duration
}

func (k *talk) line(s *scene, i int, mayBeFull bool) {
	s.Helper()
	begun := time.Now()
	for _, class := range []wire.Class{wire.ClassText, wire.ClassKeep} {
		line := fmt.Sprintf("%s %d in %.6s", class, i, k.channel[:])
		err := s.client.Call(context.Background(), s.as(k.says).Sign(wire.OpPut, k.channel, wire.PutArgs{Class: class, Entry: []byte(line)}), new(wire.PutResult))
		if mayBeFull && hubtest.IsCode(err, wire.CodeFull) {
			k.refused++
			continue
		}
		s.ok(err)
		if class == wire.ClassKeep {
			k.kept = append(k.kept, line)
		} else {
			k.said = append(k.said, line)
		}
	}
	result, err := s.as(k.hears).Fetch(k.channel, k.at)
	s.ok(err)
	if n := len(result.Entries); n > 0 {
		k.at = wire.FetchArgs{After: result.Entries[n-1].Position, ID: idOf(string(result.Entries[n-1].Bytes)), Limit: 1000}
	}
	k.longest = max(k.longest, time.Since(begun))
}

// there wants what was kept to be there, and returns how many of the texts are not.
func (k *talk) there(s *scene) (lost int) {
	s.Helper()
	all := make(map[string]bool)
	args := wire.FetchArgs{Limit: 1000}
	for {
		result, err := s.as(k.hears).Fetch(k.channel, args)
		s.ok(err)
		for _, e := range result.Entries {
			all[string(e.Bytes)] = true
			args.After, args.ID = e.Position, idOf(string(e.Bytes))
		}
		if !result.More {
			break
		}
	}
	for _, line := range k.kept {
		if !all[line] {
			s.Errorf("%q is lost", line)
		}
	}
	for _, line := range k.said {
		if !all[line] {
			lost++
		}
	}
	return lost
}

// A thief has a guest's account key, and uses it at the same time as the guest. He
// can spend the guest's quota, and nothing else: others talk as before and lose
// nothing, and the guest's members can do all that needs no room. The owner drops the
// guest, who comes back with another key; the thief is left with nothing.
func TestAThiefOfAGuestsKey(t *testing.T) {
	if testing.Short() {
		t.Skip("to fill a quota takes a while")
	}
	s := begin(t, func(c *hub.Config) { c.Now = time.Now })
	s.now = time.Now()
	s.lounge("bob")
	for _, guest := range []string{"gus", "gert"} {
		args := s.guestArgs(guest)
		args.Quota = 2 << 20
		s.ok(s.as("owner").Guest(args))
		_, err := s.as(guest).Claim(s.guestKey(guest))
		s.ok(err)
	}
	s.ok(s.as("gus").Open(cellar, "gus's token"))
	s.ok(s.as("gus's token").Grant(cellar, "gina", "gus's token"))
	s.ok(s.as("gert").Open(loft, "gert's token"))
	s.ok(s.as("gus's token").Offer(cellar, wire.OfferArgs{Slot: wire.Slot{1}, Number: 1, Invite: hubtest.Token("invite"),
		Expires: s.now.Add(time.Hour).Unix(), Blob: []byte("card")}))
	healthy := []*talk{{channel: lounge, says: "alice", hears: "bob"}, {channel: loft, says: "gert's token", hears: "gert's token"}}
	robbed := &talk{channel: cellar, says: "gus's token", hears: "gina"}
	for i := range 30 {
		robbed.line(s, i, false)
		for _, k := range healthy {
			k.line(s, i, false)
			k.quiet = k.longest
		}
	}

	f := s.steal()
	for i := 30; i < 60 || f.tried.Load() < 1200; i++ {
		robbed.line(s, i, true)
		for _, k := range healthy {
			k.line(s, i, false)
		}
	}
	for _, k := range healthy {
		if lost := k.there(s); lost > 0 {
			t.Errorf("%d texts are lost in %.6s", lost, k.channel[:])
		}
		t.Logf("in %.6s a line took %s at most, %s before", k.channel[:], k.longest, k.quiet)
	}
	account, err := s.as("gus").Status(wire.Channel{})
	s.ok(err)
	if account.Bytes > account.Quota || account.Bytes < account.Quota/2 {
		t.Errorf("the thief has filled %d of %d", account.Bytes, account.Quota)
	}
	t.Logf("%d calls of the thief's, %d done; the guest's channel: %d of %d texts pushed out by his own quota, %d lines refused, none of %d kept entries lost",
		f.tried.Load(), f.got.Load(), robbed.there(s), len(robbed.said), robbed.refused, len(robbed.kept))
	// Members' own calls need no account, and no room.
	s.ok(s.as("gina").Ack(cellar, robbed.at.After))
	_, err = s.as("invite").Peek(wire.Slot{1})
	s.ok(err)

	s.renewed(f, robbed, healthy)
}

// renewed has the owner drop the guest while the thief is at it, and give him a new
// key, which he uses with another account key.
func (s *scene) renewed(f *thief, robbed *talk, healthy []*talk) {
	s.Helper()
	guests, err := s.as("owner").Guests("")
	s.ok(err)
	if !slices.ContainsFunc(guests.Guests, func(g wire.Guest) bool { return g.Name == "gus" && g.Channels > 20 && g.Bytes > 1<<20 }) {
		s.Errorf("the owner sees %+v", guests.Guests)
	}
	f.out.Store(true)
	s.ok(s.as("owner").DropGuest("gus"))
	key := s.guestKey("gus, again")
	time.Sleep(1100 * time.Millisecond) // what is asked for in the same second is not known to come after
	s.ok(s.as("owner").Guest(wire.GuestArgs{Name: "gus", Quota: 2 << 20, Key: key.Hash(), Expires: time.Now().Add(time.Hour).Unix()}))
	_, err = s.as("gus's new account").Claim(key)
	s.ok(err)
	s.ok(s.as("gus's new account").Open(cellar, "gus's token"))

	for _, call := range []wire.SignedCall{
		f.me.Sign(wire.OpStatus, wire.Channel{}, nil), f.me.Sign(wire.OpOpen, denOf(0), wire.OpenArgs{Root: hubtest.Token("thief's root")}),
		f.me.Sign(wire.OpOpen, denOf(99), wire.OpenArgs{Root: hubtest.Token("thief's root")}),
		f.me.Sign(wire.OpOpen, cellar, wire.OpenArgs{Root: hubtest.Token("gus's token")}),
	} {
		s.refused(wire.CodeDenied, s.client.Call(context.Background(), call, nil))
	}
	_, err = f.me.Claim(s.guestKey("gus"))
	s.refused(wire.CodeDenied, err)
	_, err = f.me.Claim(key)
	s.refused(wire.CodeUsed, err)
	_, err = s.as("thief's root").Put(denOf(0), "still here")
	s.refused(wire.CodeClosed, err)

	// His channels are closed: he wants to wait there still, and leaves the places to others.
	begun := time.Now()
	if result, err := s.as("bob").Fetch(lounge, func() wire.FetchArgs { a := healthy[0].at; a.Wait = 300; return a }()); err != nil || result.Retry != 0 || time.Since(begun) < 300*time.Millisecond {
		s.Errorf("bob waits for %s: %+v, %v", time.Since(begun), result, err)
	}
	f.stop()
	for i := 1000; i < 1050; i++ {
		robbed.line(s, i, false)
		for _, k := range healthy {
			k.line(s, i, false)
		}
	}
	for _, k := range healthy {
		if lost := k.there(s); lost > 0 {
			s.Errorf("%d texts are lost in %.6s", lost, k.channel[:])
		}
	}
	robbed.there(s)
	account, err := s.as("gus's new account").Status(wire.Channel{})
	s.ok(err)
	if account.Bytes > 1<<20 {
		s.Errorf("the thief's channels count as the guest's: %+v", account)
	}
	if text := s.log.String(); strings.TrimSpace(text) != "" {
		s.Errorf("the log says %.500q", text)
	}
}

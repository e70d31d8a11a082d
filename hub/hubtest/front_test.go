package hubtest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"hubbub/channels/wire"
	"hubbub/hub"
)

var lounge = wire.Channel{'l', 'o', 'u', 'n', 'g', 'e'}

// furnished is a front with the lounge open for alice and bob behind it.
func furnished(t *testing.T) (*Front, *Client) {
	t.Helper()
	f := StartFront(t)
	c := NewClient(t, f.URL)
	_, err := c.As(t, "owner").Claim(f.Claim(t))
	if err = errors.Join(err, c.As(t, "owner").Open(lounge, "alice"), c.As(t, "alice").Grant(lounge, "bob", "alice")); err != nil {
		t.Fatal(err)
	}
	return f, c
}

// ask posts a status of alice's; what comes back is opened as a client does.
func ask(t *testing.T, c *Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := c.Do(ctx, c.As(t, "alice").Sign(wire.OpStatus, lounge, nil))
	return err
}

// What a front does outside the seal proves nothing to a client, and is over when
// the test says so.
func TestFrontsOutsideTheSeal(t *testing.T) {
	f, c := furnished(t)
	another, _ := furnished(t)
	if err := ask(t, c); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]Behaviour{
		"HTML": HTML, "Login": Login, "500": Status(500), "403": Status(403), "Half": Half, "Cut": Cut,
		"Garbage": Garbage, "Changed": Changed, "Replay": f.Replay, "another hub's answers": another.Replay, "another hub": another.Instead,
	} {
		f.DoPosts(b)
		if err := ask(t, c); err == nil {
			t.Errorf("%s: a good answer", name)
		} else if refusal := (*wire.Error)(nil); errors.As(err, &refusal) {
			t.Errorf("%s: a sealed refusal: %v", name, err)
		}
		if err := c.FetchKeys(); err != nil {
			t.Errorf("%s: ?keys: %v", name, err)
		}
	}
	for name, b := range map[string]Behaviour{"HTML": HTML, "Login": Login, "500": Status(500), "Half": Half, "Cut": Cut, "Garbage": Garbage, "Changed": Changed} {
		f.DoKeys(b)
		fresh := *c
		if err := fresh.FetchKeys(); err == nil {
			t.Errorf("%s: good keys", name)
		}
		if err := ask(t, c); err != nil {
			t.Errorf("%s: a request: %v", name, err)
		}
	}
	f.Do(another.Instead)
	fresh := *c
	if err := fresh.FetchKeys(); err != nil || fresh.Hub.Fingerprint() == c.Hub.Fingerprint() {
		t.Error("another hub's keys are not there:", err)
	}
	f.Do(Honest)
	if err := ask(t, c); err != nil {
		t.Error("afterwards:", err)
	}
}

// What cuts an answer off has done what was asked.
func TestACutAnswerWasDone(t *testing.T) {
	f, c := furnished(t)
	for i, b := range []Behaviour{Half, Cut, Garbage, Changed} {
		text := strings.Repeat("x", i+1)
		f.DoPosts(b)
		_, err := c.Do(t.Context(), c.As(t, "alice").Sign(wire.OpPut, lounge, wire.PutArgs{Class: wire.ClassText, Entry: []byte(text)}))
		if err == nil {
			t.Error("an answer came")
		}
		f.Do(Honest)
		if put, err := c.As(t, "alice").Put(lounge, text); err != nil || put.New {
			t.Errorf("%+v, %v", put, err)
		}
	}
}

// Whoever is made to wait is let go when the front is to do something else, and
// when it ends.
func TestAFrontLetsGo(t *testing.T) {
	f, c := furnished(t)
	for name, begin := range map[string]func(){
		"hanging":        func() { f.Do(Hang) },
		"the hub's hold": func() { f.Do(Honest) },
	} {
		begin()
		before := f.Requests()
		ended := make(chan error, 1)
		go func() {
			_, err := c.Do(context.Background(), c.As(t, "bob").Sign(wire.OpFetch, lounge,
				wire.FetchArgs{Limit: 1, Wait: wire.MaxWait.Milliseconds()}))
			ended <- err
		}()
		for f.Requests() == before {
			time.Sleep(time.Millisecond)
		}
		begun := time.Now()
		f.Do(Honest)
		if err := <-ended; err == nil || time.Since(begun) > wire.MaxWait/2 {
			t.Errorf("%s: %v after %s", name, err, time.Since(begun))
		}
	}
	f.Close()
	if err := ask(t, c); err == nil {
		t.Error("somebody answers where nobody is")
	}
}

func TestSealedLies(t *testing.T) {
	f, c := furnished(t)
	alice, bob := c.As(t, "alice"), c.As(t, "bob")
	for _, code := range []wire.Code{wire.CodeBad, wire.CodeDenied, wire.CodeUnknown, wire.CodeRevoked, wire.CodeUsed,
		wire.CodeWithdrawn, wire.CodeExpired, wire.CodeStale, wire.CodeFull, wire.CodeBusy, wire.CodeTime, wire.CodeInternal} {
		f.Refuse(code)
		if _, err := alice.Put(lounge, "hello"); !IsCode(err, code) {
			t.Errorf("put: %v, want %s", err, code)
		}
		if _, err := bob.Fetch(lounge, wire.FetchArgs{Wait: 10_000}); !IsCode(err, code) {
			t.Errorf("fetch: %v, want %s", err, code)
		}
	}
	f.Lie(Lies{Drop: func(_ wire.Channel, _ wire.Token, args wire.PutArgs) bool {
		return bytes.HasPrefix(args.Entry, []byte("drop"))
	}})
	kept, err := alice.Put(lounge, "kept")
	if err != nil || !kept.New {
		t.Fatal(kept, err)
	}
	if dropped, err := alice.Put(lounge, "dropped"); err != nil || !dropped.New || dropped.Position <= kept.Position {
		t.Fatal(dropped, err)
	}
	f.Lie(Lies{Hide: func(_ wire.Channel, caller wire.Token, _ wire.Entry) bool { return caller == Token("bob") }})
	seen, err := alice.Fetch(lounge, wire.FetchArgs{})
	if err != nil || len(seen.Entries) != 1 || string(seen.Entries[0].Bytes) != "kept" {
		t.Fatalf("%+v, %v", seen, err)
	}
	if seen, err := bob.Fetch(lounge, wire.FetchArgs{}); err != nil || len(seen.Entries) != 0 || seen.Head != 0 {
		t.Fatalf("%+v, %v", seen, err)
	}
	f.Lie(Lies{Fetched: func(_ wire.Channel, _ wire.Token, r *wire.FetchResult) { r.Restored = true }})
	if seen, err := bob.Fetch(lounge, wire.FetchArgs{}); err != nil || !seen.Restored {
		t.Fatalf("%+v, %v", seen, err)
	}
}

// A hub that lets two redeem one slot has both in its log.
func TestASlotRedeemedTwice(t *testing.T) {
	f, c := furnished(t)
	f.Lie(Lies{Twice: true})
	slot := wire.Slot{1}
	if err := c.As(t, "alice").Offer(lounge, wire.OfferArgs{Slot: slot, Number: 1, Invite: Token("invite"),
		Expires: time.Now().Add(time.Hour).Unix(), Blob: []byte("card")}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"carol", "dave"} {
		_, err := c.As(t, "invite").Redeem(wire.RedeemArgs{Slot: slot, Number: 1, Token: Token(name), Entries: [][]byte{[]byte(name)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.As(t, name).Put(lounge, "hello from "+name); err != nil {
			t.Error(err)
		}
	}
	if seen, err := c.As(t, "alice").Fetch(lounge, wire.FetchArgs{}); err != nil || len(seen.Entries) != 4 {
		t.Errorf("%+v, %v", seen, err)
	}
}

// A front before a hub that somebody else serves.
func TestAFrontBeforeARunningHub(t *testing.T) {
	r := StartHandler(t)
	f := r.Front(t)
	c := NewClient(t, f.URL)
	if _, err := c.As(t, "owner").Claim(f.Claim(t)); err != nil {
		t.Fatal(err)
	}
	f.Do(Status(http.StatusServiceUnavailable))
	err := c.Call(t.Context(), c.As(t, "owner").Sign(wire.OpStatus, wire.Channel{}, nil), new(wire.StatusResult))
	var refusal *hub.Refusal
	if !errors.As(err, &refusal) || refusal.Status != wire.StatusBusy {
		t.Error(err)
	}
	f.Do(f.Replay)
	if err := ask(t, c); err == nil {
		t.Error("an old answer opens")
	}
}

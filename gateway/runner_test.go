package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"hubbub/channels"
	"hubbub/channels/hubclient"
	"hubbub/channels/wire"
)

// running is a runner whose answers a test reads.
type running struct {
	*runner
	t       *testing.T
	answers chan channels.Answered
	end     context.CancelFunc
}

func run(t *testing.T) running {
	ctx, cancel := context.WithCancel(context.Background())
	answers := make(chan channels.Answered, 10)
	r := running{newRunner(ctx, hubclient.Options{}, func(a channels.Answered) { answers <- a }), t, answers, cancel}
	t.Cleanup(func() { cancel(); r.Wait() })
	return r
}

// answer waits for the next answer.
func (r running) answer() channels.Answered {
	r.t.Helper()
	select {
	case a := <-r.answers:
		return a
	case <-time.After(20 * time.Second):
		r.t.Fatal("no answer")
		return channels.Answered{}
	}
}

func newKey(t *testing.T) ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// openedChannel claims the hub, opens a channel on it, and returns its id and
// the token that may read it.
func openedChannel(r running, h *embeddedHub) (wire.Channel, ed25519.PrivateKey) {
	r.t.Helper()
	account, token, channel := newKey(r.t), newKey(r.t), wire.Channel{1}
	r.Carry(channels.Request{ID: 100, Hub: h.address, Calls: []wire.SignedCall{
		{Op: wire.OpClaim, Args: wire.ClaimArgs{Secret: h.secret}, Key: account},
		{Op: wire.OpOpen, Channel: channel, Args: wire.OpenArgs{Root: wire.Token(token.Public().(ed25519.PublicKey))}, Key: account},
	}})
	a := r.answer()
	if a.Failure != nil || len(a.Results) != 2 || a.Results[0].Error != nil || a.Results[1].Error != nil {
		r.t.Fatalf("claiming and opening: %+v %+v", a.Failure, a.Results)
	}
	if a.Request != 100 || a.URL != "" || a.Note != "" {
		r.t.Errorf("answered %+v", a)
	}
	return channel, token
}

func TestRunnerCarriesRequests(t *testing.T) {
	r, h := run(t), testHub(t)
	channel, token := openedChannel(r, h)
	fetch := wire.SignedCall{Op: wire.OpFetch, Channel: channel, Args: wire.FetchArgs{Limit: 10, Wait: 20_000}, Key: token}
	put := wire.SignedCall{Op: wire.OpPut, Channel: channel, Args: wire.PutArgs{Class: wire.ClassText, Entry: []byte("sealed")}, Key: token}

	// A request that waits holds no other up, and is answered when something comes.
	r.Carry(channels.Request{ID: 1, Hub: h.address, Calls: []wire.SignedCall{fetch}, Wait: 20 * time.Second})
	r.Carry(channels.Request{ID: 2, Hub: h.address, Calls: []wire.SignedCall{put}})
	got := map[channels.RequestID]channels.Answered{}
	for range 2 {
		a := r.answer()
		got[a.Request] = a
	}
	for id := channels.RequestID(1); id <= 2; id++ {
		if a, ok := got[id]; !ok || a.Failure != nil || len(a.Results) != 1 || a.Results[0].Error != nil {
			t.Errorf("request %d: %+v", id, a)
		}
	}
}

func TestRunnerCancels(t *testing.T) {
	r, h := run(t), testHub(t)
	channel, token := openedChannel(r, h)
	fetch := wire.SignedCall{Op: wire.OpFetch, Channel: channel, Args: wire.FetchArgs{Limit: 10, Wait: 25_000}, Key: token}
	r.Carry(channels.Request{ID: 1, Hub: h.address, Calls: []wire.SignedCall{fetch}, Wait: wire.MaxWait})
	r.Cancel(1)
	r.Cancel(1)
	r.Cancel(2) // one that never was
	r.Carry(channels.Request{ID: 3, Hub: h.address, Calls: []wire.SignedCall{fetch}, Wait: wire.MaxWait})
	begun := time.Now()
	r.end()
	r.Wait()
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("ending took %v", took)
	}
	select {
	case a := <-r.answers:
		t.Errorf("a cancelled request was answered: %+v", a)
	default:
	}
	if len(r.cancels) != 0 {
		t.Errorf("%d requests are remembered for ever", len(r.cancels))
	}
}

// The embedded hub is found under its present port, and the core is told.
func TestRunnerFindsTheEmbeddedHub(t *testing.T) {
	r, h := run(t), testHub(t)
	r.embedded = h.address
	before := channels.HubAddress{URL: "http://" + freeAddress(t) + "/", Fingerprint: h.address.Fingerprint}
	r.Carry(channels.Request{ID: 1, Hub: before, Calls: []wire.SignedCall{
		{Op: wire.OpClaim, Args: wire.ClaimArgs{Secret: h.secret}, Key: newKey(t)},
	}})
	if a := r.answer(); a.Failure != nil || a.URL != h.address.URL {
		t.Errorf("answered %+v, want it from %s", a, h.address.URL)
	}
}

// filtered is a place from which a hub's keys come, and requests do not reach it.
func filtered(t *testing.T, h *embeddedHub) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		keys, err := http.Get(h.address.URL + "?" + r.URL.RawQuery)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer keys.Body.Close()
		w.Header().Set("Content-Type", keys.Header.Get("Content-Type"))
		_, _ = io.Copy(w, keys.Body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestRunnerSaysWhyThereIsNoAnswer(t *testing.T) {
	h := testHub(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("<!DOCTYPE html><title>Welcome</title>"))
	}))
	defer site.Close()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer busy.Close()
	filter := filtered(t, h)
	call := wire.SignedCall{Op: wire.OpClaim, Args: wire.ClaimArgs{Secret: h.secret}, Key: newKey(t)}
	tests := []struct {
		name string
		hub  channels.HubAddress
		call wire.SignedCall
		want channels.HubFailure
	}{
		{"nobody there", channels.HubAddress{URL: "http://" + freeAddress(t) + "/"}, call,
			channels.HubFailure{Kind: channels.Unreachable, Text: "cannot be reached: nothing listens there (connection refused)"}},
		{"a web page", channels.HubAddress{URL: site.URL + "/"}, call,
			channels.HubFailure{Kind: channels.NotAHub, Text: "is not at its address: a web page answers there"}},
		{"another hub", channels.HubAddress{URL: h.address.URL, Fingerprint: wire.Fingerprint{1}}, call,
			channels.HubFailure{Kind: channels.WrongKey, Text: "is not the one that answers at its address: another hub has taken its place, or somebody is in between"}},
		{"busy", channels.HubAddress{URL: busy.URL + "/"}, call,
			channels.HubFailure{Kind: channels.Unreachable, Text: "is busy: (503)", Retry: 7 * time.Second}},
		{"a filter's word", channels.HubAddress{URL: filter + "/", Fingerprint: h.address.Fingerprint}, call,
			channels.HubFailure{Kind: channels.Unreachable, Text: "refused the request: it could not read the request (400)"}},
		{"nothing to sign with", h.address, wire.SignedCall{Op: wire.OpClaim, Args: wire.ClaimArgs{}},
			channels.HubFailure{Kind: channels.Refused}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := run(t)
			r.Carry(channels.Request{ID: 1, Hub: tt.hub, Calls: []wire.SignedCall{tt.call}})
			a := r.answer()
			if a.Failure == nil {
				t.Fatalf("answered %+v", a)
			}
			got := *a.Failure
			if tt.want.Text == "" {
				got.Text = ""
			}
			if got != tt.want {
				t.Errorf("failed with\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

func TestRunnerIdentifies(t *testing.T) {
	r, h := run(t), testHub(t)
	found := make(chan foundHub, 1)
	r.identify(h.address.URL, func(f foundHub, err error) {
		if err != nil {
			t.Error(err)
		}
		found <- f
	})
	if f := <-found; f.Address != h.address || f.Note != "" {
		t.Errorf("found %+v, want %v", f, h.address)
	}
	failed := make(chan error, 1)
	r.identify("http://"+freeAddress(t)+"/", func(_ foundHub, err error) { failed <- err })
	if err := <-failed; err == nil {
		t.Error("found a hub where there is none")
	}
}

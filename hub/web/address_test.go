package web_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"hubbub/hub"
	"hubbub/hub/web"
)

// asked notes the request that it is asked.
type asked struct{ hub.Request }

func (a *asked) Serve(_ context.Context, r hub.Request) hub.Reply {
	a.Request = r
	return hub.Reply{Status: 200}
}

// The hub is told who asks, for there is only so much for each.
func TestTheHubIsToldWhoAsks(t *testing.T) {
	for remote, want := range map[string]string{"203.0.113.7:1234": "203.0.113.7", "[2001:db8::1]:1234": "2001:db8::1", "@": ""} {
		a := new(asked)
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		web.Handler(a).ServeHTTP(httptest.NewRecorder(), r)
		if a.Address != want {
			t.Errorf("%s asks as %q", remote, a.Address)
		}
	}
}

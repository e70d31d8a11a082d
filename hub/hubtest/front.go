package hubtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"hubbub/channels/wire"
	"hubbub/hub"
	"hubbub/hub/store"
	"hubbub/hub/web"
)

// Front stands before a real hub, and answers in its place as a test wants it
// to: as broken hosting, a login page or a liar would. It begins honest. It is
// safe for use by several goroutines, and ends with the test.
type Front struct {
	*Running // the hub behind; URL is the front's

	server *httptest.Server
	hub    http.Handler
	over   chan struct{} // closed when the front ends

	mu       sync.Mutex
	posts    Behaviour
	keys     Behaviour
	lies     Lies
	changed  context.Context // is done when another behaviour is wanted
	change   context.CancelFunc
	answers  [][]byte // sealed ones that the hub has given, the newest last
	requests int
}

// Behaviour answers a request. honest is the hub; it may be asked or not.
type Behaviour func(w http.ResponseWriter, r *http.Request, honest http.Handler)

// answersKept is how many answers a front remembers.
const answersKept = 256

// StartFront starts a hub of its own with a front before it. change may change
// the hub's configuration.
func StartFront(t testing.TB, change ...func(*hub.Config)) *Front {
	t.Helper()
	f := &Front{}
	config := hub.Config{Data: filepath.Join(t.TempDir(), "data"), Alone: true}
	config.Store = func(path string, limits store.Limits) (store.Store, error) {
		s, err := store.OpenSQLite(path, limits)
		if err != nil {
			return nil, err
		}
		return LyingStore(s, f.lie), nil
	}
	for _, c := range change {
		c(&config)
	}
	h, err := hub.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	f.hub = web.Handler(h)
	f.start(t, &Running{Data: config.Data})
	return f
}

// Front stands before a hub that was started in another way. It cannot Lie.
func (r *Running) Front(t testing.TB) *Front {
	t.Helper()
	target, err := url.Parse(r.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &Front{hub: &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.URL.Path, p.Out.Host = target.Scheme, target.Host, target.Path, target.Host
		},
		Transport: httpClient.Transport,
		// A hub that is gone looks as if its machine were.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	f.start(t, r)
	return f
}

func (f *Front) start(t testing.TB, behind *Running) {
	running := *behind
	f.Running, f.over = &running, make(chan struct{})
	f.posts, f.keys = Honest, Honest
	f.changed, f.change = context.WithCancel(context.Background())
	f.server = httptest.NewServer(f)
	f.URL = f.server.URL + "/"
	t.Cleanup(f.Close)
}

// Close ends the front: nobody answers at its address any more.
func (f *Front) Close() {
	f.mu.Lock()
	select {
	case <-f.over:
	default:
		close(f.over)
		f.change()
	}
	f.mu.Unlock()
	f.server.CloseClientConnections()
	f.server.Close()
}

// Do has everything answered by b from now on. Requests that are under way, as
// those that the hub holds, are cut off.
func (f *Front) Do(b Behaviour) { f.set(b, b) }

// DoPosts has requests answered by b from now on, and ?keys by the hub.
func (f *Front) DoPosts(b Behaviour) { f.set(b, Honest) }

// DoKeys has ?keys answered by b from now on, and requests by the hub.
func (f *Front) DoKeys(b Behaviour) { f.set(Honest, b) }

func (f *Front) set(posts, keys Behaviour) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.posts, f.keys = posts, keys
	f.cutOff()
}

// cutOff ends what is under way.
func (f *Front) cutOff() {
	f.change()
	f.changed, f.change = context.WithCancel(context.Background())
	select {
	case <-f.over:
		f.change()
	default:
	}
}

// Lie has the hub lie behind its seal from now on; Lies{} is the truth. Requests
// that are under way are cut off.
func (f *Front) Lie(lies Lies) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lies = lies
	f.cutOff()
}

func (f *Front) lie() Lies {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lies
}

// Requests is how many have come, ?keys among them.
func (f *Front) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// ServeHTTP answers as was said last.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.requests++
	b, changed := f.keys, f.changed
	if r.Method == http.MethodPost {
		b = f.posts
	}
	f.mu.Unlock()
	// All of it, so that a client never finds its writing cut short.
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(changed, cancel)()
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	b(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.ask(w, r, changed) }))
}

// ask asks the hub, and remembers what it answers.
func (f *Front) ask(w http.ResponseWriter, r *http.Request, changed context.Context) {
	answer := record(f.hub, r)
	if changed.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	if r.Method == http.MethodPost && answer.Code == wire.StatusSealed {
		f.mu.Lock()
		f.answers = append(f.answers, answer.Body.Bytes())
		f.answers = f.answers[max(0, len(f.answers)-answersKept):]
		f.mu.Unlock()
	}
	repeat(w, answer, answer.Body.Bytes())
}

// record takes an answer instead of sending it.
func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer
}

// repeat sends what was recorded, with another body.
func repeat(w http.ResponseWriter, answer *httptest.ResponseRecorder, body []byte) {
	for name, values := range answer.Header() {
		w.Header()[name] = slices.Clone(values)
	}
	w.WriteHeader(answer.Code)
	w.Write(body)
}

// Honest lets the hub answer.
func Honest(w http.ResponseWriter, r *http.Request, honest http.Handler) { honest.ServeHTTP(w, r) }

// HTML answers with a page, and all is well as far as HTTP goes.
func HTML(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, "<!DOCTYPE html><title>Welcome</title><h1>This domain is parked</h1>"+string(bytes.Repeat([]byte(" "), 2000)))
}

// Login sends everybody to a page that asks for a password, as the network of a
// hotel does.
func Login(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	if r.URL.Path != "/login" {
		http.Redirect(w, r, "/login", http.StatusFound)
		return
	}
	HTML(w, r, honest)
}

// Status answers with a status of HTTP, and a page of the web server's.
func Status(status int) Behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
		w.WriteHeader(status)
		io.WriteString(w, "<html><head><title>"+http.StatusText(status)+"</title></head></html>\n")
	}
}

// Half has the hub do what is asked, and cuts its answer off in the middle.
func Half(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	answer := record(honest, r)
	body := answer.Body.Bytes()
	repeat(w, answer, body[:len(body)/2]) // Content-Length is of all of it
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// Cut has the hub do what is asked, and closes the connection without a word.
func Cut(_ http.ResponseWriter, r *http.Request, honest http.Handler) {
	record(honest, r)
	panic(http.ErrAbortHandler)
}

// Hang never answers, until another behaviour is wanted or the client has gone.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// Garbage has the hub do what is asked, and answers with noise of the length of
// its answer.
func Garbage(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	answer := record(honest, r)
	noise := make([]byte, answer.Body.Len())
	rand.Read(noise)
	repeat(w, answer, noise)
}

// Changed has the hub do what is asked, and changes one bit of its answer.
func Changed(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	answer := record(honest, r)
	body := bytes.Clone(answer.Body.Bytes())
	if len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	repeat(w, answer, body)
}

// Replay answers requests with sealed answers that f's hub has given before, one
// after another, and lets f's hub say its keys. Another front's Replay gives
// another hub's answers.
func (f *Front) Replay(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	if r.Method != http.MethodPost {
		f.hub.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	if len(f.answers) == 0 {
		f.mu.Unlock()
		Status(http.StatusNotFound)(w, r, nil)
		return
	}
	old := f.answers[0]
	f.answers = append(f.answers[1:], old)
	f.mu.Unlock()
	w.Header().Set("Content-Type", wire.ContentType)
	w.Write(old)
}

// Instead has f's hub, another one, answer.
func (f *Front) Instead(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	f.hub.ServeHTTP(w, r)
}

// Refuse has a front's hub refuse every call with a code.
func (f *Front) Refuse(code wire.Code) {
	f.Lie(Lies{Refuse: func(wire.Op, wire.Channel, wire.Token) wire.Code { return code }})
}

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"html"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// pictures is where docs/hosting.md has its pictures from; -update writes them
// anew.
const pictures = repository + "/docs/images"

// A browser's windows.
const (
	phone   = "390,844"
	desktop = "900,1100"
)

// view is a page as a browser shows it.
type view struct {
	Text string // what can be read, without marks, a blank between all words
	HTML string
	PNG  string // the file of its picture
}

// browse opens an address in a new browser that reaches nothing but this machine,
// and takes a picture of what it shows. The picture is kept under a name with
// -update, if it has one.
func browse(t testing.TB, url, window, name string) view {
	t.Helper()
	begun := time.Now()
	home := t.TempDir()
	v := view{PNG: filepath.Join(home, "page.png")}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--host-resolver-rules=MAP your.site 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--user-data-dir="+filepath.Join(home, "browser"), "--window-size="+window, "--hide-scrollbars",
		"--screenshot="+v.PNG, "--dump-dom", url)
	c.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home)
	var out, complaints bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaints
	if err := c.Run(); err != nil {
		t.Fatalf("the browser: %v\n%s", err, &complaints)
	}
	v.HTML = out.String()
	v.Text = readable(v.HTML)
	picture, err := os.ReadFile(v.PNG)
	if err != nil {
		t.Fatalf("the browser has taken no picture: %v\n%s", err, &complaints)
	}
	t.Logf("the browser has shown %s in %s, a picture of %d bytes", strings.SplitN(url, "#", 2)[0], time.Since(begun).Round(time.Millisecond), len(picture))
	if *update && name != "" {
		if err := os.MkdirAll(pictures, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(pictures, name), small(t, picture), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// fewColours is how many a picture in the documentation has: the page's own, and
// those between letters and what is behind them.
const fewColours = 24

// small is a picture with few colours: those that most of it has.
func small(t testing.TB, picture []byte) []byte {
	t.Helper()
	from, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[color.RGBA]int)
	for y := range from.Bounds().Dy() {
		for x := range from.Bounds().Dx() {
			count[color.RGBAModel.Convert(from.At(x, y)).(color.RGBA)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return count[b] - count[a] })
	var few color.Palette
	for _, c := range most[:min(len(most), fewColours)] {
		few = append(few, c)
	}
	to := image.NewPaletted(from.Bounds(), few)
	draw.Draw(to, to.Bounds(), from, image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, to); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var (
	invisible = regexp.MustCompile(`(?s)<(style|script|head)[ >].*?</(style|script|head)>`)
	anyTag    = regexp.MustCompile(`<[^>]*>`)
)

// readable is the text of a page.
func readable(page string) string {
	page = invisible.ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(page, " "))), " ")
}

// Shows wants texts on the page, in this order.
func (v view) Shows(t testing.TB, texts ...string) {
	t.Helper()
	rest := v.Text
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("the page does not show %q, or not there:\n%s", text, v.Text)
		}
		rest = after
	}
}

// Hides wants none of the texts anywhere in the page.
func (v view) Hides(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(v.HTML, text) {
			t.Errorf("the page has %q in it:\n%s", text, v.Text)
		}
	}
}

// steps counts what somebody has to do, and how long it takes.
type steps struct {
	t     testing.TB
	begun time.Time
	done  []string
}

func countSteps(t testing.TB) *steps { return &steps{t: t, begun: time.Now()} }

func (s *steps) did(what string) {
	s.t.Helper()
	s.done = append(s.done, what)
	s.t.Logf("step %d, after %s: %s", len(s.done), time.Since(s.begun).Round(10*time.Millisecond), what)
}

// atMost fails if there were more.
func (s *steps) atMost(n int) {
	s.t.Helper()
	if len(s.done) > n {
		s.t.Errorf("%d steps, more than %d: %s", len(s.done), n, strings.Join(s.done, "; "))
	}
}

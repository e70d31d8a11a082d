package main

import (
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/crypto/bcrypt"

	"hubbub/channels"
	"hubbub/channels/hubclient"
)

// The example is what people copy from: it must be the code's defaults, with
// every key, and no key that the code does not know.
func TestExampleIsTheDefaults(t *testing.T) {
	raw, err := os.ReadFile("../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	var fromNothing config
	if _, err := toml.Decode(string(raw), &fromNothing); err != nil {
		t.Fatal(err)
	}
	if want := defaultConfig(); !reflect.DeepEqual(fromNothing, want) {
		t.Errorf("the example says\n%+v, the code\n%+v", fromNothing, want)
	}
	if _, err := parseConfig("config.example.toml", raw); err != nil {
		t.Error(err)
	}
}

// commented is a line of the example that is to be used by taking away its #.
var commented = regexp.MustCompile(`(?m)^#(\[\[|\w+ = )`)

func TestExampleHasEveryKey(t *testing.T) {
	raw, err := os.ReadFile("../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	raw = commented.ReplaceAll(raw, []byte("$1"))
	c, err := parseConfig("config.example.toml", raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Error(err)
	}
	if len(c.Hubs) != 1 || len(c.Hubs[0].Also) != 1 || !c.Hubs[0].Proxy.set() {
		t.Errorf("the example's hubs: %+v", c.Hubs)
	}
	md, err := toml.Decode(string(raw), new(config))
	if err != nil {
		t.Fatal(err)
	}
	var inExample []string
	for _, key := range md.Keys() {
		if kind := md.Type(key...); kind != "Hash" && kind != "ArrayHash" && key.String() != "hub" {
			inExample = append(inExample, key.String())
		}
	}
	inCode := keysOf(reflect.TypeFor[config](), "")
	slices.Sort(inExample)
	slices.Sort(inCode)
	if !slices.Equal(inExample, inCode) {
		t.Errorf("the example has the keys\n%v, the code\n%v", inExample, inCode)
	}
}

// keysOf lists the keys of a configuration struct.
func keysOf(t reflect.Type, prefix string) (keys []string) {
	for field := range t.Fields() {
		name, kind := prefix+field.Tag.Get("toml"), field.Type
		if kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		if strings.HasSuffix(kind.Name(), "Config") {
			keys = append(keys, keysOf(kind, name+".")...)
			continue
		}
		keys = append(keys, name)
	}
	return keys
}

func TestDocumentationNamesEveryKey(t *testing.T) {
	raw, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keysOf(reflect.TypeFor[config](), "") {
		if !strings.Contains(string(raw), "`"+key+"`") {
			t.Errorf("docs/configuration.md does not name %s", key)
		}
	}
}

func TestDefaultsAreValid(t *testing.T) {
	if err := defaultConfig().check(); err != nil {
		t.Fatal(err)
	}
}

func TestConfigIsRead(t *testing.T) {
	c, err := parseConfig("c.toml", []byte(`
listen = "[::1]:7000"
password = "$2y$05$GRaQ5rN2TDyQ9Zd0wy/ZuOmZqJp5EoeoW9cLkRMY3rr0zPNlYnPCW"
nick = "alice"
log = "debug"
invite_valid = "90m"
[embedded_hub]
listen = ""
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	want := config{
		Listen: "[::1]:7000", Nick: "alice", Log: logLevel(slog.LevelDebug),
		Password:    "$2y$05$GRaQ5rN2TDyQ9Zd0wy/ZuOmZqJp5EoeoW9cLkRMY3rr0zPNlYnPCW",
		InviteValid: duration(90 * time.Minute), Mirror: "auto",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("read %+v, want %+v", c, want)
	}
}

// twoHubs are lines 1 to 6 of a file.
const twoHubs = `[[hub]]
url = "http://a.example/"
proxy = "socks5://127.0.0.1:9050"
[[hub]]
url = "http://b.example/"
proxy = "direct"
`

func TestBadConfigSaysWhere(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"unknown key", "nick = \"a\"\nlisten_on = \"x\"\n", `c.toml:2: unknown key "listen_on"`},
		{"unknown table", "\n\n[colours]\nred = 1\n", `c.toml:3: unknown key "colours"`},
		{"unknown key in a table", "[tls]\ncert = \"a\"\nkeys = \"b\"\n", `c.toml:3: unknown key "tls.keys"`},
		{"unknown key, quoted", "\"a,b\" = 1\n", `c.toml: unknown key "\"a,b\""`},
		{"integer as duration", "\ninvite_valid = 168\n", "c.toml:2: invite_valid: 168 has no unit"},
		{"duration without unit", "invite_valid = \"168\"", `c.toml:1: invite_valid: "168" is not a duration`},
		{"level", "log = \"loud\"\n", `c.toml:1: log: "loud" is not "error", "warn", "info" or "debug"`},
		{"integer as text", "nick = 1\n", "c.toml:1: nick: the value must be text in quotes"},
		{"integer as truth", "\nunlinked = 1\n", "c.toml:2: unlinked: the value must be true or false"},
		{"text as truth", "private_hubs = \"yes\"\n", "c.toml:1: private_hubs: the value must be true or false"},
		{"policy", "\nmirror = \"always\"\n", `c.toml:2: mirror: "always" is not "auto", "ask" or "never"`},
		{"policy, capital", "mirror = \"Auto\"\n", `c.toml:1: mirror: "Auto" is not`},
		{"policy as truth", "mirror = true\n", `c.toml:1: mirror: true is not "auto"`},
		{"proxy", "\nproxy = \"127.0.0.1:9050\"\n", `c.toml:2: proxy: this is neither "direct" nor the URL of a proxy`},
		{"proxy's password", "proxy = \"socks5://a:sesame@\"\n", `c.toml:1: proxy: this is neither "direct" nor`},
		{"integer as proxy", "proxy = 9050\n", "c.toml:1: proxy: the value must be text in quotes"},
		{"text as table", "tls = \"on\"\n", "c.toml:1: tls: the value must be a table"},
		{"one bracket", "\n[hub]\nurl = \"http://a.example/\"\n", "c.toml:2: hub: these are tables, each under [[hub]]"},
		{"text as hub", "\nhub = \"http://a.example/\"\n", "c.toml:2: hub: these are tables"},
		{"hub's URL", "\n[[hub]]\nurl = \"a.example\"\n", `c.toml:3: hub.url: "a.example": this is not the URL of a hub`},
		{"integer as URL", "[[hub]]\nurl = 1\n", "c.toml:2: hub.url: the value must be text in quotes"},
		{"hub's other URL", twoHubs + "[[hub]]\nurl = \"http://c.example/\"\nalso = [\"http://d.example/\", \"ftp://d.example/\"]\n",
			`c.toml:9: hub.also: "ftp://d.example/": this is not`},
		{"no list", twoHubs + "also = \"http://c.example/\"\n", "c.toml:7: hub.also: the value must be a list"},
		{"first of two hubs", strings.Replace(twoHubs, "9050", "none", 1), "c.toml:3: hub.proxy: this is neither"},
		{"key of the first of two hubs", strings.Replace(twoHubs, "proxy", "proxies", 1), `c.toml:3: unknown key "hub.proxies"`},
		{"key of the second of two hubs", twoHubs + "name = \"b\"\n", `c.toml:7: unknown key "hub.name"`},
		{"broken", "nick = \"a\"\nlisten = \n", "c.toml:2:"},
		{"twice", "nick = \"a\"\nnick = \"b\"\n", "c.toml:2:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseConfig("c.toml", []byte(tt.file))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got  %v\nwant %s…", err, tt.want)
			}
		})
	}
}

func TestConfigThatIsNotSafeIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config)
		want   string // empty: accepted
	}{
		{"localhost", func(c *config) { c.Listen = "localhost:6667" }, ""},
		{"all loopback", func(c *config) { c.Listen = "127.9.9.9:6667" }, ""},
		{"all interfaces", func(c *config) { c.Listen = ":6667" }, "listen: :6667 can be reached"},
		{"named host", func(c *config) { c.Listen = "irc.example.org:6667" }, "without TLS"},
		{"mapped", func(c *config) { c.Listen = "[::ffff:10.0.0.1]:6667" }, "without TLS"},
		{"no password", func(c *config) {
			c.Listen, c.TLS = "0.0.0.0:6697", tlsConfig{"a", "b"}
		}, "set a password"},
		{"beyond loopback", func(c *config) {
			c.Listen, c.TLS, c.Password = "0.0.0.0:6697", tlsConfig{"a", "b"}, "pw"
		}, ""},
		{"half of TLS", func(c *config) { c.TLS.Cert = "a" }, "cert and key go together"},
		{"nick", func(c *config) { c.Nick = "al ice" }, "nick: \"al ice\" can't be one"},
		{"no port", func(c *config) { c.Listen = "127.0.0.1" }, "is not an address"},
		{"port", func(c *config) { c.Listen = "127.0.0.1:66666" }, "is not a port"},
		{"hash", func(c *config) { c.Password = "$2y$nonsense" }, "is none"},
		{"no time", func(c *config) { c.InviteValid = 0 }, "invite_valid"},
		{"too long", func(c *config) { c.InviteValid = duration(longestInvite + 1) }, "invite_valid"},
		{"hub of two URLs", func(c *config) {
			c.Hubs = []hubConfig{{URL: "http://a.example/", Also: []hubURL{"http://b.example/"}}}
		}, ""},
		{"hub without URL", func(c *config) { c.Hubs = []hubConfig{{Also: []hubURL{"http://b.example/"}}} }, "has no url"},
		{"hub of which nothing is said", func(c *config) { c.Hubs = []hubConfig{{URL: "http://b.example/"}} }, "says nothing"},
		{"hub in two tables", func(c *config) {
			h := hubConfig{URL: "http://b.example/", Proxy: proxyText{hubclient.Direct}}
			c.Hubs = []hubConfig{h, {URL: "http://a.example/", Also: []hubURL{h.URL}}}
		}, "stands there twice"},
		{"embedded hub outside", func(c *config) { c.EmbeddedHub.Listen = "0.0.0.0:6680" }, "for this one alone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := defaultConfig()
			tt.change(&c)
			err := c.check()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// What the file says of hubs reaches the core and the runner.
func TestConfigOfHubs(t *testing.T) {
	c, err := parseConfig("c.toml", []byte(`
nick = "alice"
mirror = "ask"
private_hubs = true
unlinked = true
proxy = "socks5://127.0.0.1:9050"
`+twoHubs+`also = ["HTTP://C.example", "http://192.168.1.2:81/hub.cgi"]
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	if got, want := c.core(), (channels.Options{Nick: "alice", Mirror: channels.MirrorAsk, Private: true, Unlinked: true}); got != want {
		t.Errorf("the core is told %+v, not %+v", got, want)
	}
	w := c.ways()
	if w.proxy.String() != "socks5://127.0.0.1:9050" || len(w.hubs) != 2 {
		t.Errorf("the runner is told %+v", w)
	}
	want := []hubURL{"http://c.example/", "http://192.168.1.2:81/hub.cgi"}
	if h := w.hubs[1]; h.URL != "http://b.example/" || h.Proxy.Proxy != hubclient.Direct || !slices.Equal(h.Also, want) {
		t.Errorf("of the second hub: %+v", h)
	}
}

// A password in a proxy's URL is one that others must not read.
func TestProxyPasswordIsASecret(t *testing.T) {
	for text, secret := range map[string]bool{
		`proxy = "socks5://h:1"`: false, `proxy = "http://a:sesame@h:1"`: true,
		"[[hub]]\nurl = \"http://a.example/\"\nproxy = \"socks5://a:sesame@h:1\"": true,
	} {
		c, err := parseConfig("c.toml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if c.secretProxy() != secret || strings.Contains(fmt.Sprintf("%v %+v", c, c), "sesame") {
			t.Errorf("%s: secret %v; shown as %+v", text, c.secretProxy(), c)
		}
	}
}

func TestPassword(t *testing.T) {
	raw, err := bcrypt.GenerateFromPassword([]byte("sesame"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	hash := password(raw)
	if err := hash.valid(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []password{"sesame", hash} {
		if !p.matches("sesame") {
			t.Errorf("%s password is not known again", p)
		}
		for _, wrong := range []string{"", "sesam", "sesame ", "Sesame", string(hash)} {
			if p.matches(wrong) {
				t.Errorf("%s password is matched by %q", p, wrong)
			}
		}
	}
	if got := password("sesame").String(); strings.Contains(got, "sesame") {
		t.Errorf("prints as %q", got)
	}
}

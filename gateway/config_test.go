package main

import (
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/crypto/bcrypt"
)

// The example is what people copy from: it must be the code's defaults, with
// every key, and no key that the code does not know.
func TestExampleIsTheDefaults(t *testing.T) {
	raw, err := os.ReadFile("../config.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	var fromNothing config
	md, err := toml.Decode(string(raw), &fromNothing)
	if err != nil {
		t.Fatal(err)
	}
	if want := defaultConfig(); !reflect.DeepEqual(fromNothing, want) {
		t.Errorf("the example says\n%+v, the code\n%+v", fromNothing, want)
	}
	var inExample []string
	for _, key := range md.Keys() {
		if md.Type(key...) != "Hash" {
			inExample = append(inExample, key.String())
		}
	}
	inCode := keysOf(reflect.TypeFor[config](), "")
	slices.Sort(inExample)
	slices.Sort(inCode)
	if !slices.Equal(inExample, inCode) {
		t.Errorf("the example has the keys\n%v, the code\n%v", inExample, inCode)
	}
	if _, err := parseConfig("config.example.toml", raw); err != nil {
		t.Error(err)
	}
}

// keysOf lists the keys of a configuration struct.
func keysOf(t reflect.Type, prefix string) (keys []string) {
	for field := range t.Fields() {
		name := prefix + field.Tag.Get("toml")
		if strings.HasSuffix(field.Type.Name(), "Config") {
			keys = append(keys, keysOf(field.Type, name+".")...)
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
		InviteValid: duration(90 * time.Minute),
	}
	if c != want {
		t.Errorf("read %+v, want %+v", c, want)
	}
}

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
		{"broken", "nick = \"a\"\nlisten = \n", "c.toml:2:"},
		{"twice", "nick = \"a\"\nnick = \"b\"\n", "c.toml:2:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseConfig("c.toml", []byte(tt.file))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
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

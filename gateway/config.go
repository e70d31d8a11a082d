package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"hubbub/channels"
)

// config is the gateway's configuration. config.example.toml describes every
// key; a test holds the two together.
type config struct {
	Listen      string         `toml:"listen"`
	Password    password       `toml:"password"`
	Nick        string         `toml:"nick"`
	Data        string         `toml:"data"`
	Log         logLevel       `toml:"log"`
	InviteValid duration       `toml:"invite_valid"`
	Mirror      mirrorPolicy   `toml:"mirror"`
	PrivateHubs bool           `toml:"private_hubs"`
	Unlinked    bool           `toml:"unlinked"`
	Proxy       proxyText      `toml:"proxy"`
	TLS         tlsConfig      `toml:"tls"`
	EmbeddedHub embeddedConfig `toml:"embedded_hub"`
	Hubs        []hubConfig    `toml:"hub"`
}

// tlsConfig names the PEM files of the certificate that IRC clients are shown.
type tlsConfig struct {
	Cert string `toml:"cert"`
	Key  string `toml:"key"`
}

// embeddedConfig is the hub inside the gateway.
type embeddedConfig struct {
	Listen string `toml:"listen"` // port 0: one is picked and kept; empty: no embedded hub
}

// defaultConfig is what holds without a file.
func defaultConfig() config {
	return config{
		Listen:      "127.0.0.1:6667",
		Log:         logLevel(slog.LevelWarn),
		InviteValid: duration(7 * 24 * time.Hour),
		Mirror:      mirrorPolicy(channels.MirrorAuto),
		EmbeddedHub: embeddedConfig{Listen: "127.0.0.1:0"},
	}
}

// readConfig reads a TOML file over the defaults. A key it does not know, a
// value of the wrong type and broken TOML are errors that name file and line.
func readConfig(path string) (config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	return parseConfig(path, raw)
}

// parseConfig is readConfig for a file's bytes; name is for errors.
func parseConfig(name string, raw []byte) (config, error) {
	c := defaultConfig()
	key, err := decodeConfig(name, raw, &c)
	if err == nil {
		return c, nil
	}
	if key == "hub" || strings.HasPrefix(key, "hub.") {
		err = inHubTable(name, raw, err)
	}
	return config{}, err
}

// decodeConfig reads a TOML file into c. With an error it returns the key that
// is at fault, as far as toml tells.
func decodeConfig(name string, raw []byte, c *config) (key string, err error) {
	md, err := toml.NewDecoder(bytes.NewReader(raw)).Decode(c)
	if err != nil {
		return configError(name, err)
	}
	if unknown := md.Undecoded(); len(unknown) > 0 {
		return unknown[0].String(), unknownKey(name, raw, unknown[0])
	}
	return "", nil
}

// wrongType is how toml says that a value is a number, say, where text is due.
var wrongType = regexp.MustCompile(`line (\d+) \(last key "(.*)"\): (?:incompatible types: .* destination has type (\w+)|type mismatch for .*)$`)

// rightType says what is due, by toml's word for it.
var rightType = map[string]string{
	"string":  "must be text in quotes",
	"boolean": "must be true or false",
	"slice":   `must be a list, such as ["http://example.org/hub.cgi"]`,
	"":        "must be a table, with its name in brackets above its keys",
}

// configError puts file and line before what toml says, and returns the key that
// it is about.
func configError(name string, err error) (string, error) {
	if at, ok := errors.AsType[toml.ParseError](err); ok {
		key := ""
		if at.LastKey != "" {
			key = at.LastKey + ": "
		}
		return at.LastKey, fmt.Errorf("%s:%d: %s%s", name, at.Position.Line, key, at.Message)
	}
	m := wrongType.FindStringSubmatch(err.Error())
	switch {
	case m == nil:
		return "", fmt.Errorf("%s: %w", name, err)
	case m[2] == "hub":
		return m[2], fmt.Errorf("%s:%s: hub: these are tables, each under [[hub]] with two brackets", name, m[1])
	case rightType[m[3]] == "":
		return m[2], fmt.Errorf("%s:%s: %s: the value is of the wrong type", name, m[1], m[2])
	}
	return m[2], fmt.Errorf("%s:%s: %s: the value %s", name, m[1], m[2], rightType[m[3]])
}

// unknownKey says where a key stands that config has no field for. toml gives
// positions only with errors of decoding, so the key is decoded once more, into
// a value that refuses it.
func unknownKey(name string, raw []byte, key toml.Key) error {
	probe := reflect.TypeFor[refused]()
	for i := len(key) - 1; i >= 0; i-- {
		probe = reflect.StructOf([]reflect.StructField{{
			Name: "Key", Type: probe, Tag: reflect.StructTag("toml:" + strconv.Quote(key[i])),
		}})
		if i == 1 && key[0] == "hub" {
			probe = reflect.SliceOf(probe)
		}
	}
	_, err := toml.Decode(string(raw), reflect.New(probe).Interface())
	if at, ok := errors.AsType[toml.ParseError](err); ok && at.LastKey == key.String() {
		return fmt.Errorf("%s:%d: unknown key %q; docs/configuration.md lists all", name, at.Position.Line, key)
	}
	return fmt.Errorf("%s: unknown key %q; docs/configuration.md lists all", name, key)
}

// refused is a value that can't be decoded.
type refused struct{}

func (*refused) UnmarshalTOML(any) error { return errors.New("unknown key") }

// duration is a time.Duration as a TOML string with a unit. A bare integer,
// which TOML libraries take for nanoseconds, is refused.
type duration time.Duration

// UnmarshalTOML takes "168h" or "90m".
func (d *duration) UnmarshalTOML(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf(`%v has no unit: write it as a string, such as "168h" or "90m"`, v)
	}
	parsed, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf(`%q is not a duration such as "168h" or "90m"`, s)
	}
	*d = duration(parsed)
	return nil
}

// logLevel is one of four words.
type logLevel slog.Level

// UnmarshalTOML takes "warn".
func (l *logLevel) UnmarshalTOML(v any) error {
	for _, level := range []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug} {
		if s, ok := v.(string); ok && strings.EqualFold(s, level.String()) {
			*l = logLevel(level)
			return nil
		}
	}
	return fmt.Errorf(`%#v is not "error", "warn", "info" or "debug"`, v)
}

// longestInvite is how long a one-time key may be good: what it opens stays
// open to whoever finds it.
const longestInvite = 90 * 24 * time.Hour

// check refuses what can't work, or would not be safe, in the words of the file.
func (c config) check() error {
	if err := checkListen("listen", c.Listen); err != nil {
		return err
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return errors.New("tls: cert and key go together: set both or neither")
	}
	if !loopback(c.Listen) && c.TLS.Cert == "" {
		return fmt.Errorf("listen: %s can be reached from other machines, and IRC without TLS can be read on the way: set cert and key under [tls], or listen on 127.0.0.1", c.Listen)
	}
	if !loopback(c.Listen) && c.Password == "" {
		return fmt.Errorf("listen: %s can be reached from other machines: set a password, or listen on 127.0.0.1", c.Listen)
	}
	if err := c.Password.valid(); err != nil {
		return err
	}
	if c.Nick != "" && !goodNick(c.Nick) {
		return fmt.Errorf("nick: %q can't be one: no spaces, at most %d bytes, and it begins with a letter", c.Nick, maxNick)
	}
	if d := time.Duration(c.InviteValid); d < time.Minute || d > longestInvite {
		return fmt.Errorf("invite_valid: %v is not between 1m and %v", d, longestInvite)
	}
	if err := c.checkHubs(); err != nil {
		return err
	}
	if c.EmbeddedHub.Listen == "" {
		return nil
	}
	if err := checkListen("embedded_hub.listen", c.EmbeddedHub.Listen); err != nil {
		return err
	}
	if !loopback(c.EmbeddedHub.Listen) {
		return fmt.Errorf("embedded_hub.listen: %s can be reached from other machines, and the embedded hub is for this one alone: run hubd or hub.cgi instead (docs/hub.md)", c.EmbeddedHub.Listen)
	}
	return nil
}

// checkListen refuses what is not host:port.
func checkListen(key, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s: %q is not an address such as 127.0.0.1:6667", key, address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%s: %q is not a port between 0 and 65535", key, port)
	}
	return nil
}

// loopback reports whether a host:port can be reached from this machine alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/BurntSushi/toml"

	"hubbub/channels/wire"
	"hubbub/hub/store"
)

// ConfigName is the file beside hub.cgi that may say where its data is.
const ConfigName = "hub.conf"

// configFile is hub.conf, in TOML. docs/hub.md explains it.
type configFile struct {
	Data    string `toml:"data"`
	Held    int    `toml:"held"`
	Channel int64  `toml:"channel_mib"`
	Token   int64  `toml:"token_mib"`
	Total   int64  `toml:"total_mib"`
	Tokens  int64  `toml:"tokens"`
	Slots   int64  `toml:"slots"`
	Request int64  `toml:"request_kib"`
	Wait    int    `toml:"wait"`
	Contact string `toml:"contact"`
	Owner   string `toml:"owner"`
	Daily   int64  `toml:"daily_mib"`
	Proxied bool   `toml:"proxied"`
	WAL     bool   `toml:"wal"`
}

// maxContact is the most that the page has room for.
const maxContact = 200

// Load returns the configuration of a hub whose program lies in folder: as
// hub.conf there says, and with a data folder beside the program if it names
// none, which is made at the first start.
func Load(folder string) (Config, error) {
	config, err := readConfig(folder, false)
	if err != nil {
		return Config{}, fmt.Errorf("reading %s: %w", ConfigName, err)
	}
	if config.Data == "" {
		config.Data, err = FindData(folder)
	}
	return config, err
}

// LoadData returns the configuration of a hub whose data folder is known, and
// makes that if need be. A hub.conf in it may set limits.
func LoadData(data string) (Config, error) {
	if err := makeFolder(data); err != nil {
		return Config{}, err
	}
	config, err := readConfig(data, false)
	if err != nil {
		return Config{}, fmt.Errorf("reading %s: %w", ConfigName, err)
	}
	config.Data = data
	return config, nil
}

// OwnerIn returns the account that hub.conf in folder names as the hub's owner; zero:
// none. Nothing is made there.
func OwnerIn(folder string) (wire.Token, error) {
	config, err := readConfig(folder, false)
	if err != nil {
		return wire.Token{}, fmt.Errorf("reading %s: %w", ConfigName, err)
	}
	return config.Owner, nil
}

// errEmpty is a hub.conf that says nothing: without what it is to say there would be
// another hub.
var errEmpty = errors.New("it is empty, as it is while it is being uploaded: delete it if it stays so")

// errUploading is a hub.conf that may not be there as a whole yet.
var errUploading = errors.New("it is being uploaded: its last line does not end")

// uploadTime is how long a hub.conf whose last line does not end is taken for one that
// is not there as a whole: half a number is a number. Editors write such files, too.
const uploadTime = time.Minute

// confText is what hub.conf says; nothing if there is none. uploaded says that the
// hub may be started at any moment of an upload.
func confText(folder string, uploaded bool) (string, error) {
	path := filepath.Join(folder, ConfigName)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case len(text) == 0:
		return "", errEmpty
	case uploaded && text[len(text)-1] != '\n':
		if info, err := os.Stat(path); err != nil || time.Since(info.ModTime()).Abs() < uploadTime {
			return "", errUploading
		}
	}
	return string(text), nil
}

// readConfig reads hub.conf, if there is one. uploaded is confText's.
func readConfig(folder string, uploaded bool) (Config, error) {
	text, err := confText(folder, uploaded)
	if err != nil {
		return Config{}, err
	}
	return configOf(folder, text)
}

// configOf is the configuration that a hub.conf in folder stands for.
func configOf(folder, text string) (Config, error) {
	limits := store.DefaultLimits()
	file := configFile{Channel: limits.Text >> 20, Token: limits.Keep >> 20, Tokens: limits.Tokens, Slots: limits.Slots, WAL: true}
	if err := file.read(text); err != nil {
		return Config{}, err
	}
	limits = store.Limits{Text: file.Channel << 20, Keep: file.Token << 20, Total: file.Total << 20,
		Tokens: file.Tokens, Slots: file.Slots, Daily: file.Daily << 20}
	if file.Data != "" && !filepath.IsAbs(file.Data) {
		file.Data = filepath.Join(folder, file.Data)
	}
	open := store.Open
	if !file.WAL {
		open = store.OpenRollback
	}
	return Config{Data: file.Data, Limits: limits, Store: open, Proxied: file.Proxied, Held: file.Held, Wait: time.Duration(file.Wait) * time.Second,
		Request: file.Request << 10, Contact: file.Contact, Owner: file.owner()}, nil
}

// read decodes and checks text.
func (f *configFile) read(text string) error {
	read, err := toml.Decode(text, f)
	if parse := (toml.ParseError{}); errors.As(err, &parse) {
		return fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
	}
	if err != nil {
		return err
	}
	if unknown := read.Undecoded(); len(unknown) > 0 {
		var names []string
		for _, key := range unknown {
			names = append(names, key.String())
		}
		return fmt.Errorf("it knows no %s", strings.Join(names, ", "))
	}
	if _, err := wire.ParseOwner(f.Owner); f.Owner != "" && err != nil {
		return fmt.Errorf("owner: %w", err)
	}
	if len(f.Contact) > maxContact || strings.ContainsFunc(f.Contact, unicode.IsControl) {
		return fmt.Errorf("contact is not one line of at most %d bytes", maxContact)
	}
	if read.IsDefined("wait") && (f.Wait < 1 || f.Wait > int(wire.MaxWait/time.Second)) {
		return fmt.Errorf("wait is %d, not 1 to %d (seconds)", f.Wait, wire.MaxWait/time.Second)
	}
	if read.IsDefined("request_kib") && (f.Request < leastRequest || f.Request > wire.MaxRequest>>10) {
		return fmt.Errorf("request_kib is %d, not %d to %d", f.Request, leastRequest, wire.MaxRequest>>10)
	}
	if err := f.check(); err != nil {
		return err
	}
	if read.IsDefined("held") && f.Held == 0 {
		f.Held = NoneHeld
	}
	return nil
}

// leastRequest is how many KiB let an entry through that joins somebody, with
// all that is sealed around it.
const leastRequest = 96

// check refuses values that make no sense.
func (f *configFile) check() error {
	const most = 1 << 20 // a terabyte
	values := []struct {
		name         string
		value, least int64
	}{
		{"channel_mib", f.Channel, 1}, {"token_mib", f.Token, 1}, {"total_mib", f.Total, 0}, {"daily_mib", f.Daily, 0},
		{"tokens", f.Tokens, 1}, {"slots", f.Slots, 1}, {"held", int64(f.Held), 0},
	}
	for _, v := range values {
		if v.value < v.least || v.value > most {
			return fmt.Errorf("%s is %d, not %d to %d", v.name, v.value, v.least, most)
		}
	}
	return nil
}

// owner is the account that owns the hub from its first start on; zero if none
// is named.
func (f *configFile) owner() wire.Token {
	account, _ := wire.ParseOwner(f.Owner) // read has looked
	return account
}

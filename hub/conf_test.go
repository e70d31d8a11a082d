package hub

import "testing"

// What stands in hub.conf is read as TOML has it, by the few forms that it needs;
// anything else is an error, and is not passed over.
func TestTheFormsOfHubConf(t *testing.T) {
	for text, want := range map[string]configFile{
		"": {},
		"\ufeff# words = 1\r\n\r\n  held = 3\r\n": {Held: 3},
		"held=3#4":                                 {Held: 3},
		"held = 3 # \"four\"\nwal = true":          {Held: 3, WAL: true},
		"data = \"a \\\"b\\\" = # \\\\ \\u00e9\"":  {Data: "a \"b\" = # \\ é"},
		"data = 'C:\\hub' # a folder":              {Data: "C:\\hub"},
		"contact = \"\"\nproxied = false":          {},
		"channel_mib = -5\n\ttokens\t=\t+6\t\n\n#": {Channel: -5, Tokens: 6},
	} {
		var got configFile
		if _, err := readConf(text, got.values()); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"held", "held =", "= 3", "held = 3 4", "held = 3\nheld = 3", "held = 0x3", "held = 3.0", "held = three", "held = \"3\"", "wal = 1",
		"wal = True", "data = x", "data = \"x", "data = x\"", "data = 'x", "data = \"x\" y", "data = `x`", "data = \"x\"\"y\"", "data = \"\"\"\nx\"\"\"", "Held = 3",
		"\"held\" = 3", "a.held = 3", "[held]", "data = true", "data = 3", "held = [3]", "\xff", "held = 99999999999999999999", "# \x80"} {
		var got configFile
		if _, err := readConf(text, got.values()); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

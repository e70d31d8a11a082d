package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/fxamacker/cbor/v2"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// ownerTest is mirrorTest with what the hubs answer: a result struct, a *wire.Error,
// or a channels.Failed.
func ownerTest(t *testing.T, answer func(in channels.AskHub) any, story func(r *rig, core *consulted, say func(string) []string)) {
	t.Helper()
	mirrorTest(t, func(r *rig, core *consulted, say func(string) []string) {
		r.do(func() {
			r.g.sysop.folder = t.TempDir()
			core.answer = func(in channels.Input) channels.Event {
				ask, ok := in.(channels.AskHub)
				if !ok {
					return channels.Done{Ref: refOf(in), Text: "done so"}
				}
				switch v := answer(ask).(type) {
				case channels.Failed:
					v.Ref = ask.Ref
					return v
				case *wire.Error:
					return channels.HubSaid{Ref: ask.Ref, Result: wire.Result{Error: v}}
				case nil:
					return channels.HubSaid{Ref: ask.Ref}
				default:
					value, err := canonicalCBOR.Marshal(v)
					if err != nil {
						t.Error(err)
					}
					return channels.HubSaid{Ref: ask.Ref, Result: wire.Result{Value: value}}
				}
			}
		})
		story(r, core, say)
	})
}

// canonicalCBOR writes what a hub answers, honest or not.
var canonicalCBOR, _ = cbor.CoreDetEncOptions().EncMode()

func TestHubStatusSaysWhatTheHubSays(t *testing.T) {
	report := wire.ReportResult{
		Software: "hubbub 0.4", Schema: 3, Journal: "wal", Free: 5 << 30, Size: 30 << 20, Bytes: 20 << 20, Limit: 1 << 30, Entries: 1204, Channels: 2, Tokens: 5,
		Slots: 1, Guests: 1, Held: 8, Waiting: 2, Requests: 12345, Refusals: map[string]int64{"denied": 3, "unsealed": 7},
	}
	ownerTest(t, func(channels.AskHub) any { return report }, func(r *rig, core *consulted, say func(string) []string) {
		has(t, say("hub status"), "Which hub? /msg sysop hub status [URL]")
		got := say("hub status one")
		for _, want := range []string{
			`The hub https://one.example/hub.cgi says that it is "hubbub 0.4", with data of schema 3.`,
			"  disk: its files take 30 MiB; 5 GiB of the disk are free", "  holds 1204 entries in 2 channels, 20 MiB of 1 GiB",
			"  5 tokens of members, 1 open one-time key, 1 guest", "  about 12345 requests; 10 refused: 7 unsealed, 3 denied", "  waiting now: 2 of the 8 that may wait at once",
			"  all members' gateways have all of it", "  journal: a write-ahead log", "More: /msg sysop hub channels, /msg sysop hub guests",
		} {
			has(t, got, want)
		}
		report.Journal, report.Free, report.Damaged, report.Closes, report.Unfetched = "persist", 1<<20, []string{"hub.db-damaged-1"}, time.Now().Unix()+86400, time.Now().Unix()-7200
		got = say("hub status one")
		for _, want := range []string{
			"That is LITTLE", "journal: rollback, for its file system shares no memory", `DAMAGED: 1 database was set aside, "hub.db-damaged-1"`, "It CLOSES on ",
			"Whether all have moved: /msg sysop hub retire https://one.example/hub.cgi", "has not fetched came 2 hours ago",
		} {
			has(t, got, want)
		}
	})
}

// What a hub refuses, or does not answer at all, is said in words, with what to do.
func TestOwnersCommandsThatFail(t *testing.T) {
	var answer any
	ownerTest(t, func(channels.AskHub) any { return answer }, func(r *rig, core *consulted, say func(string) []string) {
		for _, code := range []wire.Code{wire.CodeDenied, wire.CodeBad, wire.CodeBanned, wire.CodeFull, "nonsense\r\nPRIVMSG x"} {
			answer = &wire.Error{Code: code, Text: "because\r\n:evil PRIVMSG alice :x"}
			for _, command := range []string{
				"hub status one", "hub guests one", "hub channels one", "hub guest add dora 5MB one", "hub quota dora 1GB one", "hub ban dora one", "hub unban #bob https://one.example/hub.cgi",
				"hub export one x.age", "hub retire one 7", "hub retire one",
			} {
				if got := say(command); len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), "https://one.example/hub.cgi") {
					t.Errorf("%q, refused as %q, is answered %q", command, code, got)
				}
			}
		}
		answer = channels.Failed{Code: channels.CodeHub, Text: "https://one.example/hub.cgi: nothing listens there"}
		has(t, say("hub status one"), "No answer from https://one.example/hub.cgi: nothing listens there. Nothing is known to have changed.")
		answer = &wire.Error{Code: wire.CodeUsed}
		has(t, say("hub guest add dora one"), "dora has an account on https://one.example/hub.cgi already.")
		answer = &wire.Error{Code: wire.CodeUnknown}
		said{
			{"hub guest add", "Who, and how much"}, {"hub guest add #x one", "not a channel or a URL"}, {"hub guest add a b c d", "Who, and how much"},
			{"hub quota dora much one", "much is no size such as 200MB"}, {"hub quota dora 0", "0 is too little to hold anything: the least is 1KB. For no limit but the hub's own say none. /msg sysop hub quota"},
			{"hub quota dora 0 one", "0 is too little"}, {"hub guest add dora 0", "0 is too little"}, {"hub guest add dora 0.0KB one", "0.0KB is too little"}, {"hub guest add dora one 0", "0 is too little"},
			{"hub guest add dora lots", "lots is no size such as 200MB or 2GB, and no hub of yours. /msg sysop hub guest add dora 200MB\nYour hubs: "}, {"hub guest add dora lots one", "lots is no size"}, {"hub guest add dora 5MB lots", "There is no such hub: lots."},
			{"hub retire soon", "There is no such hub: soon."}, {"hub retire soon", "Or did you mean when? /msg sysop hub retire 7 is in 7 days"},
			{"hub export one", "That is a hub, and no file: one. Into which file? /msg sysop hub export one my-hub.age."}, {"hub export example", "That is a hub, and no file"}, {"hub ban", "Whom?"}, {"hub ban #nowhere dora one", "You have no channel #nowhere."},
			{"hub ban #bob dora one", "Nobody in #bob is called dora."}, {"hub ban #bob alice one", "That is yourself: who owns a hub is never banned there. In #bob beside you: bob."}, {"hub retire one 9999", "At most 365 days."}, {"hub retire 9999", "There is no such hub: 9999"}, {"hub export one ../x", "whole path"},
			{"hub export", "Which hub, and into which file?"}, {"hub import https://x.example/ y z", "The new hub's URL, the key"}, {"hub guests three", "There is no such hub: three."},
		}.wants(t, say)
	})
}

// A hub that lies is not believed, does not keep the gateway busy for ever, and
// writes nothing to the client but words in quotes.
func TestOwnersCommandsOnALyingHub(t *testing.T) {
	const evil = "x\r\n:evil!e@e PRIVMSG alice :type /msg sysop hub add \x00\x1b[31m\u202e"
	asked, pages := 0, map[string]func(int) any{
		"other types":   func(int) any { return map[string]any{"channels": "none", "guests": 5, "schema": "x", "records": 1} },
		"no map":        func(int) any { return []int{1, 2, 3} },
		"nothing":       func(int) any { return nil },
		"always more":   func(int) any { return map[string]any{"more": true} },
		"next for ever": func(n int) any { return wire.ExportResult{Next: fmt.Append(nil, n)} },
		"next the same": func(int) any { return wire.ExportResult{Next: []byte("x"), Records: [][]byte{make([]byte, 100)}} },
		"channels for ever": func(n int) any {
			return wire.ChannelsResult{More: true, Channels: []wire.HubChannel{{Channel: wire.Channel{byte(n >> 8), byte(n), 1}, Guest: evil, Bytes: -1, Entries: -1, Tokens: -5, Last: -1 << 62, Unfetched: 1 << 62}}}
		},
		"channels backwards": func(n int) any {
			return wire.ChannelsResult{More: true, Channels: []wire.HubChannel{{Channel: wire.Channel{255 - byte(n)}}}}
		},
		"guests for ever": func(n int) any {
			return wire.GuestsResult{More: true, Guests: []wire.Guest{{Name: fmt.Sprintf("%08d", n) + evil[:40], Quota: -1, Bytes: 1 << 62, Made: 1 << 62, Claimed: 1 << 62, Expires: -1}}}
		},
		"the same guest": func(int) any { return wire.GuestsResult{More: true, Guests: []wire.Guest{{Name: "a"}}} },
		"a long name":    func(int) any { return wire.GuestsResult{Guests: []wire.Guest{{Name: strings.Repeat("x", 5000)}}} },
		"a lying report": func(int) any {
			return wire.ReportResult{
				Software: evil, Journal: evil, Schema: -1, Free: -5, Size: -1 << 62, Bytes: 1 << 62, Time: -1, Since: 1 << 62, Waiting: -1, Held: -1, Unfetched: 1 << 61, Closes: 1 << 62,
				Refusals: map[string]int64{evil: 1 << 62, "x": -1}, Damaged: strings.Split(strings.Repeat(evil+"|", 1000), "|"),
			}
		},
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			ownerTest(t, func(channels.AskHub) any { asked++; return page(asked) }, func(r *rig, core *consulted, say func(string) []string) {
				for _, command := range []string{"hub status one", "hub guests one", "hub channels one", "hub export one x.age", "hub retire one 7", "hub quota abcdef 1GB one"} {
					asked = 0
					got := say(command)
					if len(got) == 0 || len(got) > 120 || asked > mostExportPages+1 {
						t.Errorf("%q is answered with %d lines, after %d questions", command, len(got), asked)
					}
					for _, l := range got {
						if strings.ContainsFunc(l, func(r rune) bool { return unicode.IsControl(r) || r == '\u202e' }) {
							t.Errorf("%q is answered %q", command, l)
						}
					}
				}
			})
		})
	}
}

func TestGuestKeyIsShownOnce(t *testing.T) {
	var made []wire.GuestArgs
	ownerTest(t, func(in channels.AskHub) any {
		made = append(made, in.Args.(wire.GuestArgs))
		return nil
	}, func(r *rig, core *consulted, say func(string) []string) {
		got := say("hub guest add dora 1.5GB two")
		has(t, got, "dora may open channels on https://two.example/hub.cgi, of 1.5 GiB together.")
		for _, l := range got {
			text, ok := strings.CutPrefix(l, "/msg sysop hub add https://two.example/hub.cgi ")
			if !ok {
				continue
			}
			key, err := wire.ParseAccountKey(text)
			if err != nil || key.Hash() != made[0].Key || key.Fingerprint != (wire.Fingerprint{2}) || made[0].Quota != 3<<29 || made[0].Name != "dora" {
				t.Errorf("the line is %q, the hub was given %+v: %v", l, made[0], err)
			}
			if valid := time.Until(time.Unix(made[0].Expires, 0)); valid < 6*24*time.Hour || valid > 7*24*time.Hour {
				t.Errorf("it is good for %v", valid)
			}
			return
		}
		t.Errorf("no line to type in %q", got)
	})
}

// bansAndQuotas has hub one answer with two channels, both with a number that begins
// alike, and with guests; said are what it was asked beside.
func bansAndQuotas(t *testing.T, story func(r *rig, core *consulted, say func(string) []string, asked func() any)) {
	t.Helper()
	ids := []wire.Channel{{0xab, 0xcd, 0xef, 1}, {0xab, 0xcd, 0xef, 2}, {0xab, 0xcd, 0xef, 3}}
	var last any
	ownerTest(t, func(in channels.AskHub) any {
		switch in.Op {
		case wire.OpChannels:
			return wire.ChannelsResult{Channels: []wire.HubChannel{
				{Channel: ids[0], Bytes: 1 << 20, Quota: 4 << 20}, {Channel: ids[1], Guest: "two words", Banned: true}, {Channel: ids[2], Guest: "dora"},
			}}
		case wire.OpGuests:
			return wire.GuestsResult{Guests: []wire.Guest{{Name: "banned", Banned: true}, {Name: "bob"}, {Name: "dora", Bytes: 2 << 20, Quota: 8 << 20, Channels: 1}, {Name: "facade"}}}
		}
		last = in.Args
		return nil
	}, func(r *rig, core *consulted, say func(string) []string) {
		r.do(func() {
			core.view("#bob").ID = ids[0]
			core.view("#bob").Members[1].Token = wire.Token{7}
			core.view("#carol").ID = ids[2]
		})
		story(r, core, say, func() any { was := last; last = nil; return was })
	})
}

func TestBansAndQuotasNameWhomTheyMean(t *testing.T) {
	ids := []wire.Channel{{0xab, 0xcd, 0xef, 1}, {0xab, 0xcd, 0xef, 2}, {0xab, 0xcd, 0xef, 3}}
	bansAndQuotas(t, func(r *rig, core *consulted, say func(string) []string, asked func() any) {
		tests := []struct {
			said string
			want any
		}{
			{"hub ban dora one", wire.BanArgs{Name: "dora", Keep: ids[2:]}}, // alice is in #carol, which dora opened
			{"hub ban bob one", wire.BanArgs{Name: "bob"}},
			{"hub unban dora one", nil}, // she is not banned
			{"hub unban banned one", wire.BanArgs{Name: "banned", Lift: true}},
			{"hub ban banned one", nil},                         // already
			{"hub ban #bob one.example", nil},                   // nobody there is called so
			{"hub ban #bob https://one.example/hub.cgi", nil},   // it is alice's own
			{"hub ban abcdef01 one", nil},                       // the same
			{"hub unban #bob https://one.example/hub.cgi", nil}, // it is not banned
			{"hub ban #bob bob one", wire.BanArgs{Channel: ids[0], Token: wire.Token{7}}},
			{"hub unban #bob bob one", wire.BanArgs{Channel: ids[0], Token: wire.Token{7}, Lift: true}},
			{"hub unban abcdef02 one", wire.BanArgs{Channel: ids[1], Lift: true}},
			{"hub ban abcdef one", nil},
			{"hub ban facade one", wire.BanArgs{Name: "facade"}},
			{"hub ban nobody one", nil},
			{"hub unban nobody one", nil},
			{"hub quota #bob 20MB one", wire.QuotaArgs{Channel: ids[0], Quota: 20 << 20}},
			{"hub quota abcdef02 none one", wire.QuotaArgs{Channel: ids[1]}},
			{"hub quota dora 300 one", wire.QuotaArgs{Name: "dora", Quota: 300 << 20}},
			{"hub quota dora 5B one", nil},
			{"hub quota dora one", nil},
		}
		for _, tt := range tests {
			got := say(tt.said)
			if strings.HasPrefix(tt.said, "hub ban") && tt.want != nil {
				if first := asked(); first != nil {
					t.Errorf("%q has banned at once: %+v", tt.said, first)
				}
				has(t, got, "To do it, say it again within a minute: /msg sysop "+tt.said)
				got = append(got, say(tt.said)...)
			}
			if last := asked(); !reflect.DeepEqual(last, tt.want) {
				t.Errorf("%q asks %+v, not %+v, and says %q", tt.said, last, tt.want, got)
			}
		}
		has(t, say("hub channels one"), `  abcdef02, opened by "two words": `)
		has(t, say("hub channels one"), "  abcdef01 (your #bob): ")
	})
}

// What a ban means is said before, and that of nobody changes nothing.
func TestWhatABanMeans(t *testing.T) {
	bansAndQuotas(t, func(r *rig, core *consulted, say func(string) []string, _ func() any) {
		said{
			{"hub ban dora one", "serve its guest dora no more? The account opens no channel there. Nothing is deleted"},
			{"hub ban dora one", "To take it back: /msg sysop hub unban dora one"},
			{"hub ban dora one", "You are in #carol, too, opened by dora: that goes on, as yours, and dora alone is kept out of it there."},
			{"hub ban bob one", "Whoever has the nick bob in #bob is banned there by /msg sysop hub ban #bob bob"},
			{"hub ban #bob bob one", "they stay in the channel, and read it on its other hubs."},
			{"hub ban bob one", "The account opens no channel there, and 0 channels that it opened are served to nobody."},
			{"hub ban #bob https://one.example/hub.cgi", "You are in #bob yourself, and would lock yourself out of it. Somebody in it: /msg sysop hub ban #bob NICK."},
			{"hub ban abcdef01 one", "You are in #bob yourself"},
			{"hub ban banned one", "serves banned no more already. To take it back: /msg sysop hub unban banned"},
			{"hub unban dora one", "dora is not banned on https://one.example/hub.cgi: there is nothing to take back."},
			{"hub unban nobody one", "has no guest nobody. /msg sysop hub guests"},
			{"hub guest drop nobody one", "has no guest nobody. /msg sysop hub guests"},
			{"hub guest drop dora one", "Take dora's account on https://one.example/hub.cgi back?"},
			{"hub guest drop dora one", "dora is no guest of https://one.example/hub.cgi any more."},
			{"hub guest drop dora one", "You are in #carol, too, opened by dora: it is closed there as well. To keep it without dora, first: /msg sysop hub ban dora"},
			{"hub unban #bob https://one.example/hub.cgi", "#bob is not banned"},
			{"hub unban abcdef02 one", `If "two words", who opened it, is banned too: /msg sysop hub unban`},
			{"hub ban #bob bob two", "Have https://two.example/hub.cgi serve bob in #bob no more?"},
			{"hub unban", "Whom? /msg sysop hub unban NAME"},
			{"hub ban bob one two", "Whom? /msg sysop hub ban NAME"},
			{"hub ban bob bob.example", "https://bob.example/hub.cgi is no hub of yours: bob has added it."},
			{"hub quota dora one", "dora holds 2 MiB of 8 MiB on https://one.example/hub.cgi, in 1 channel."},
			{"hub quota bob one", "There is no limit but the hub's own."},
			{"hub quota #bob one", "#bob holds 1 MiB of 4 MiB on https://one.example/hub.cgi."},
			{"hub quota #bob one", "To change it: /msg sysop hub quota #bob SIZE"},
			{"hub quota nobody one", "has no guest nobody."},
			{"hub quota", "Whose, and how much?"},
			{"hub quota dora 5MB three", "There is no such hub: three. Yours: "},
		}.wants(t, say)
		r.do(func() { core.view("#bob").Hubs = core.view("#bob").Hubs[:1] })
		has(t, say("hub ban #bob bob one"), "get nothing of it any more, for it is on no other hub.")
	})
}

func TestHubRetire(t *testing.T) {
	own, guests := wire.HubChannel{Channel: wire.Channel{1}}, wire.HubChannel{Channel: wire.Channel{2}, Guest: "dora"}
	var at []int64
	closes := int64(0)
	ownerTest(t, func(in channels.AskHub) any {
		switch args := in.Args.(type) {
		case wire.RetireArgs:
			at, closes = append(at, args.At), args.At
			return nil
		case wire.ChannelsArgs:
			return wire.ChannelsResult{Channels: []wire.HubChannel{own, guests}}
		}
		return wire.ReportResult{Closes: closes, Channels: 2}
	}, func(r *rig, core *consulted, say func(string) []string) {
		r.do(func() { core.view("#bob").ID = own.Channel })
		now := time.Now()
		day := 24 * time.Hour
		told := func(want ...time.Time) {
			t.Helper()
			var times []int64
			for _, w := range want {
				if w.IsZero() {
					times = append(times, 0)
				} else {
					times = append(times, w.Unix())
				}
			}
			if fmt.Sprint(at) != fmt.Sprint(times) {
				t.Errorf("the hub was told %v, not %v", at, times)
			}
		}
		got := say("hub retire one")
		told()
		has(t, got, "Have https://one.example/hub.cgi close on ", "There are 2 channels on it. All who have one are told at once.")
		has(t, got, "To do it, say it again within a minute: /msg sysop hub retire one")
		got = say("hub retire one")
		told(now.Add(7 * day))
		has(t, got, "https://one.example/hub.cgi closes on ", "all who have a channel there are told so")
		has(t, got, "On another hub too, and leave this one by themselves when that has all: #bob.")
		has(t, got, "Of others, and still here: 02000000, opened by dora.")

		// The same again changes nothing, however often it is said.
		r.do(func() { core.view("#bob").Hubs = core.view("#bob").Hubs[:1] })
		closes -= 3600
		for _, command := range []string{"hub retire one", "hub retire one", "hub retire one 7", "hub retire one 7"} {
			got = say(command)
			has(t, got, "It CLOSES on ", "To take that back: /msg sysop hub retire https://one.example/hub.cgi off")
			has(t, got, "Have NOWHERE to go yet: #bob. With another hub of yours: /msg sysop hub mirror #bob URL")
		}
		told(now.Add(7 * day))
		own.Closed, guests.Closed = true, true
		has(t, say("hub retire one"), "All have moved: you can delete it.")
		has(t, say("hub retire one"), "What was on it is closed there, or lives elsewhere now: #bob; 02000000, opened by dora.")

		// Another time is said twice.
		has(t, say("hub retire one 3 days"), "is to close on ", "Have it close on ", " instead?")
		has(t, say("hub retire one now"), "Have it close NOW instead?")
		told(now.Add(7 * day))
		has(t, say("hub retire one now"), "has closed")
		has(t, say("hub retire one now"), "It has CLOSED")
		has(t, say("hub retire one off"), "https://one.example/hub.cgi stays")
		told(now.Add(7*day), now, time.Time{})
		has(t, say("hub retire one off"), "does not close: there is nothing to take back.")
		told(now.Add(7*day), now, time.Time{})
	})
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"200MB": 200 << 20, "200": 200 << 20, "2gb": 2 << 30, "1.5 GiB": 3 << 29, "64k": 64 << 10, "1T": 1 << 40, "none": 0, "NONE": 0, "1k": 1 << 10, "2048b": 2 << 10,
		"": -1, "0": -1, "0MB": -1, "0.0": -1, "MB": -1, "x": -1, "-5MB": -1, "1e3": -1, "nan": -1, "inf": -1, "5b": -1, "0.0001k": -1, "99999999999T": -1, "0x10": -1, "1_0": -1, "5mbb": -1, "bob": -1,
	} {
		got, ok := parseSize(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %d, %v", text, got, ok)
		}
	}
}

func TestExportedHubFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.age")
	passphrase := newPassphrase()
	e := exportedHub{address: channels.HubAddress{URL: "https://one.example/hub.cgi", Fingerprint: wire.Fingerprint{1, 2, 3}}, records: [][]byte{[]byte("a secret record"), {}, make([]byte, 70_000)}}
	if err := e.save(path, passphrase); err != nil {
		t.Fatal(err)
	}
	if err := e.save(path, passphrase); !os.IsExist(err) {
		t.Errorf("a file was overwritten: %v", err)
	}
	raw, err := os.ReadFile(path)
	if info, _ := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(string(raw), "age-encryption.org/v1\n") || strings.Contains(string(raw), "secret") {
		t.Fatalf("the file is no file of age, or for others: %v", err)
	}
	for _, typed := range []string{passphrase, strings.ToLower(passphrase), strings.ReplaceAll(passphrase, "-", "")} {
		got, err := loadExport(path, typed)
		if err != nil || got.address != e.address || len(got.records) != 3 || string(got.records[0]) != "a secret record" || len(got.records[2]) != 70_000 {
			t.Errorf("read with %q: %v", typed, err)
		}
	}
	if _, err := loadExport(path, newPassphrase()); err != errPassphrase {
		t.Errorf("another passphrase: %v", err)
	}
	if _, err := loadExport(path, ""); err != errPassphrase {
		t.Errorf("no passphrase: %v", err)
	}
	for _, n := range []int{0, 10, len(raw) / 2, len(raw) - 1} {
		cut := filepath.Join(t.TempDir(), "cut")
		os.WriteFile(cut, raw[:n], 0o600)
		if _, err := loadExport(cut, passphrase); err == nil {
			t.Errorf("%d of %d bytes were taken for the whole", n, len(raw))
		}
	}
	if _, err := loadExport(t.TempDir(), passphrase); err == nil {
		t.Error("a folder was read")
	}
}

package main

import (
	"slices"
	"strings"
	"time"

	"hubbub/channels"
)

// sysop is what the service nick keeps. The dispatcher owns it.
type sysop struct {
	version string
	invites inviteFiles
	made    hubOwner              // the account of a hub that -make-hub has prepared
	valid   time.Duration         // of new one-time keys; zero: a week
	mirror  channels.MirrorPolicy // whether channels are kept on the user's hub by themselves; empty: they are
	rescues rescues
	folder  string // where exported hubs go

	// identify asks who the hub at a URL is, and gives the dispatcher the
	// answer through then. It does not block.
	identify func(url string, then func(foundHub, error))

	unfinished map[*client]unfinished
	warnings   []warning // the last ones, for status
}

// unfinished is what a client's next line to sysop may complete.
type unfinished struct {
	leave  string // the channel whose leaving is yet to be confirmed
	join   string // the channel whose one-time key was cut off, by a line break perhaps,
	key    string // and what came of the key
	rescue bool   // it is to be taken as a rescue key
	again  string // the command, with all that follows, that is yet to be confirmed
	until  time.Time
}

// finishWithin is how long sysop waits for that.
const finishWithin = time.Minute

// sysopCommand is one of sysop's commands.
type sysopCommand struct {
	name string   // one or two words, lower case
	also []string // other ways to say it
	args string   // as help shows them
	help string   // one line
	more []string // what "help NAME" adds
	run  func(c *client, args string)
}

// usage is the line to type.
func (s sysopCommand) usage() string {
	return strings.TrimSpace("/msg sysop " + s.name + " " + s.args)
}

// sysopCommands are all of them, in the order of help. They are in
// sysop_channels.go, sysop_members.go, sysop_forks.go, sysop_invites.go,
// sysop_hubs.go, sysop_mirrors.go, sysop_rescue.go and sysop_owner.go.
var sysopCommands []sysopCommand

func init() {
	sysopCommands = slices.Concat([]sysopCommand{{
		name: "help", also: []string{"?", "hi", "hello", "commands"}, args: "[COMMAND]",
		help: "what there is, or more about one command", run: (*client).sysopHelp,
		more: []string{"help all lists all commands in a line each, help hub those about hubs."},
	}}, channelCommands, memberCommands, otherChannelCommands, inviteCommands, hubCommands, mirrorCommands, rescueCommands, ownerCommands, []sysopCommand{{
		name: "nick", args: "NAME",
		help: "change your nick, in all channels", run: (*client).sysopNick,
	}, {
		name: "version", also: []string{"about"},
		help: "what runs here", run: func(c *client, _ string) { c.sysopSays(c.g.sysop.version) },
	}})
}

// sysopHears is what a client says to sysop. It is never logged or kept: keys
// are among it.
func (c *client) sysopHears(text string) {
	text = strings.TrimSpace(strings.Join(strings.Fields(cleanText(text)), " "))
	text = withoutPrefix(text, "/msg sysop ", "/sysop ", "sysop: ", "sysop, ", "/")
	if text == "" {
		return
	}
	cmd, args, ok := findCommand(text)
	before := c.takeUnfinished()
	switch {
	case !ok && before.join != "" && looksLikeKey(text):
		key := before.key + strings.ReplaceAll(text, " ", "")
		if before.rescue {
			c.rescueWithKey(before.join, key)
		} else {
			c.joinWithKey(before.join, key)
		}
	case !ok && len(commandsOf(text)) > 0:
		c.helpAbout(text, commandsOf(text))
	case !ok:
		c.sysopSays(didYouMean(text))
	default:
		if before.leave != "" && cmd.name == "leave" || before.again != "" && strings.HasPrefix(fold(before.again), cmd.name) {
			c.remember(before) // for the leave command to find
		}
		cmd.run(c, args)
	}
}

// withoutPrefix takes off what people type before a command by habit.
func withoutPrefix(text string, prefixes ...string) string {
	for _, p := range prefixes {
		if len(text) >= len(p) && same(text[:len(p)], p) {
			return strings.TrimSpace(text[len(p):])
		}
	}
	return text
}

// findCommand finds the command that a line begins with, in upper or lower
// case; the longest name counts.
func findCommand(text string) (cmd sysopCommand, args string, ok bool) {
	length := 0
	for _, candidate := range sysopCommands {
		for _, name := range append(candidate.also, candidate.name) {
			if len(name) <= length || len(text) < len(name) || !same(text[:len(name)], name) {
				continue
			}
			if rest := text[len(name):]; rest == "" || rest[0] == ' ' {
				cmd, args, ok, length = candidate, strings.TrimSpace(rest), true, len(name)
			}
		}
	}
	return cmd, args, ok
}

// didYouMean answers what is no command with those that begin like it; a command for
// hubs may lack its first word.
func didYouMean(text string) string {
	words := strings.Fields(fold(text))
	if len(words) > 0 && strings.HasPrefix(words[0], "hub") {
		words = words[1:]
	} else if like := commandsLike("", words); len(like) > 0 {
		return "Did you mean " + strings.Join(like, " or ") + "?"
	}
	switch like := commandsLike("hub ", words); {
	case len(like) > 0:
		return "Did you mean " + strings.Join(like, " or ") + "?"
	case len(strings.Fields(text)) > len(words):
		return "I don't know that command. /msg sysop help hub lists those about hubs."
	}
	return "I don't know that command. /msg sysop help lists all I know."
}

// commandsLike are what to type for the commands of a kind that begin as the first of
// some words does.
func commandsLike(kind string, words []string) (like []string) {
	if len(words) == 0 {
		return nil
	}
	begins := kind + words[0][:min(len(words[0]), 3)]
	for _, cmd := range sysopCommands {
		if strings.HasPrefix(cmd.name, begins) {
			like = append(like, cmd.usage())
		}
	}
	return like
}

// remember keeps what the client's next line may complete, for a minute.
func (c *client) remember(u unfinished) {
	s := &c.g.sysop
	if s.unfinished == nil {
		s.unfinished = make(map[*client]unfinished)
	}
	now := c.g.settings.Now()
	for other, old := range s.unfinished {
		if other.closed || now.After(old.until) {
			delete(s.unfinished, other)
		}
	}
	if u.until.IsZero() {
		u.until = now.Add(finishWithin)
	}
	s.unfinished[c] = u
}

// takeUnfinished forgets what was remembered, and returns it if its minute is
// not over.
func (c *client) takeUnfinished() unfinished {
	s := &c.g.sysop
	u := s.unfinished[c]
	delete(s.unfinished, c)
	if c.g.settings.Now().After(u.until) {
		return unfinished{}
	}
	return u
}

// sysopStep gives the core an input of sysop's. then is given the events that
// answer it until it reports true; failures are told first.
func (c *client) sysopStep(input func(channels.Ref) channels.Input, then func(channels.Event) bool) {
	var in channels.Input
	ref := c.g.ask(asked{client: c, command: serverNick, then: func(ev channels.Event) bool {
		if failed, ok := ev.(channels.Failed); ok {
			c.sysopSays(failure(failed, nickIn(in)...))
			return true
		}
		return then != nil && then(ev)
	}})
	in = input(ref)
	c.g.step(in)
}

// nickIn is whom an input is about, if it is about a member.
func nickIn(in channels.Input) []string {
	switch in := in.(type) {
	case channels.Remove:
		return []string{in.Nick}
	case channels.Confirm:
		return []string{in.Nick}
	case channels.Share:
		return []string{in.Nick}
	case channels.Verify:
		return []string{in.Nick}
	}
	return nil
}

// failure is what went wrong, as the core says it, and what to do next where
// that is the gateway's to know. nicks are as for sentence.
func failure(ev channels.Failed, nicks ...string) string {
	text := ev.Text
	if text == "" {
		text = string(ev.Code)
	}
	text = sentence(text, nicks...)
	switch {
	case ev.Code == channels.CodeTaken && ev.Suggest != "":
		text += " Use another name: /msg sysop join " + ev.Suggest + " and the key."
	case ev.Code == channels.CodeUnknownChannel && !strings.Contains(text, "/join"):
		text += " /msg sysop list shows your channels."
	case ev.Code == channels.CodeNoMember && ev.Channel != "" && !strings.Contains(text, "yourself"):
		text += " /msg sysop members " + ev.Channel + " shows who is in it."
	case ev.Code == channels.CodeHub:
		text += " /msg sysop hub list shows how your hubs are."
	}
	return text
}

// sentence gives an error's words a capital and a full stop; no stop behind a
// line to type, for it would be typed as well, and no capital where it begins
// with a URL, or with one of these nicks: carol is not called Carol.
func sentence(text string, nicks ...string) string {
	if text == "" {
		return ""
	}
	first := text
	if end := strings.IndexAny(text, " ,"); end >= 0 {
		first = text[:end]
	}
	if 'a' <= text[0] && text[0] <= 'z' && !slices.Contains(nicks, first) && !strings.Contains(first, "://") {
		text = string(text[0]-'a'+'A') + text[1:]
	}
	at := strings.LastIndex(text, ": /")
	toType := at >= 0 && !strings.Contains(text[at:], ". ")
	if !toType && !strings.ContainsAny(text[len(text)-1:], ".!?)") {
		text += "."
	}
	return text
}

// sysopNick changes the user's nick.
func (c *client) sysopNick(args string) {
	if args == "" || strings.Contains(args, " ") {
		c.sysopSays("Which nick? /msg sysop nick NAME, without spaces.")
		return
	}
	c.sysopStep(func(ref channels.Ref) channels.Input { return channels.SetNick{Ref: ref, Nick: args} },
		func(ev channels.Event) bool {
			if renamed, ok := ev.(channels.Renamed); ok {
				c.sysopSays("You are " + renamed.New + " now, in all channels.")
				return true
			}
			return false
		})
}

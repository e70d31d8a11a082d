package main

import (
	"fmt"
	"strings"
)

// helpGroups are how the overview parts the commands: the first group that takes a
// command has it.
var helpGroups = []struct {
	title string
	takes func(sysopCommand) bool
}{
	{"a hub that you own", among(&ownerCommands)},
	{"hubs", func(s sysopCommand) bool { return strings.HasPrefix(s.name, "hub ") }},
	{"channels", among(&channelCommands)},
	{"people", func(s sysopCommand) bool { return among(&memberCommands)(s) || among(&otherChannelCommands)(s) }},
	{"one-time keys", among(&inviteCommands)},
	{"and", func(sysopCommand) bool { return true }},
}

// shownGroups is the order in which the overview has them.
var shownGroups = []string{"channels", "people", "one-time keys", "hubs", "a hub that you own", "and"}

// among says whether a command is one of some.
func among(some *[]sysopCommand) func(sysopCommand) bool {
	return func(s sysopCommand) bool {
		for _, other := range *some {
			if other.name == s.name {
				return true
			}
		}
		return false
	}
}

// sysopHelp gives an overview, lists commands, or tells more about one.
func (c *client) sysopHelp(args string) {
	args = withoutPrefix(args, "/msg sysop ", "/")
	switch {
	case args == "":
		c.helpOverview()
		return
	case same(args, "all"):
		c.helpLines(sysopCommands)
		c.sysopSays("#chan may be left out while you have only one channel. More: /msg sysop help COMMAND")
		return
	}
	for _, name := range []string{args, "hub " + args} { // the hubs' by their second word, too
		for _, cmd := range sysopCommands {
			if cmd.isCalled(name) {
				c.sysopSays(cmd.usage() + ": " + cmd.help + ".")
				c.sysopSays(cmd.more...)
				return
			}
		}
		if like := commandsOf(name); len(like) > 0 {
			c.helpAbout(name, like)
			return
		}
	}
	if cmd, _, ok := findCommand(args); ok { // with what follows it
		c.sysopHelp(cmd.name)
		return
	}
	c.sysopSays(didYouMean(args))
}

// commandsOf are the commands that begin with some whole words, and go on.
func commandsOf(words string) (some []sysopCommand) {
	for _, cmd := range sysopCommands {
		if strings.HasPrefix(cmd.name, fold(words)+" ") {
			some = append(some, cmd)
		}
	}
	return some
}

// helpAbout shows the commands that begin with some words.
func (c *client) helpAbout(words string, some []sysopCommand) {
	if same(words, "hub") {
		c.sysopSays(whatAHubIs + " Then: /msg sysop hub add URL KEY")
	}
	c.helpLines(some)
	c.sysopSays("More about one: /msg sysop help COMMAND, such as /msg sysop help " + some[0].name)
}

// isCalled says whether a name is the command's, or another way to say it.
func (s sysopCommand) isCalled(name string) bool {
	for _, n := range append([]string{s.name}, s.also...) {
		if same(n, name) {
			return true
		}
	}
	return false
}

// helpLines are commands in a line each.
func (c *client) helpLines(some []sysopCommand) {
	for _, cmd := range some {
		c.sysopSays(fmt.Sprintf("  %-23s %s", strings.TrimSpace(cmd.name+" "+cmd.args), cmd.help))
	}
}

// helpOverview names all commands in a few lines.
func (c *client) helpOverview() {
	names := make(map[string][]string)
	for _, cmd := range sysopCommands {
		for _, g := range helpGroups {
			if g.takes(cmd) {
				names[g.title] = append(names[g.title], cmd.name)
				break
			}
		}
	}
	c.sysopSays("/join #bob and then /invite bob makes a one-time key for bob; with a key that you were given, /join #alice KEY. And to me you can say, after /msg sysop:")
	for _, title := range shownGroups {
		c.sysopSays("  " + title + ": " + strings.Join(names[title], ", "))
	}
	c.sysopSays("What one does: /msg sysop help COMMAND, such as help leave. All in a line each: help all. What does not work, and what to do: /msg sysop status")
}

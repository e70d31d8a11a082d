package main

import (
	"errors"
	"time"

	"gopkg.in/irc.v4"
)

// command is what is done with an IRC command.
type command struct {
	run   func(*client, line)
	early bool // also before registration
	min   int  // parameters without which it is 461
}

// commands are all that are known. What is not here is answered 421.
var commands map[string]command

func init() {
	commands = map[string]command{
		// connection: registration.go, caps.go, sasl.go, commands_server.go
		"AUTHENTICATE": {run: (*client).authenticate, early: true, min: 1},
		"CAP":          {run: (*client).cap, early: true},
		"NICK":         {run: (*client).nickCommand, early: true},
		"PASS":         {run: (*client).pass, early: true},
		"PING":         {run: (*client).ping, early: true},
		"PONG":         {run: (*client).pong, early: true},
		"QUIT":         {run: (*client).quit, early: true},
		"USER":         {run: (*client).user, early: true},
		"ERROR":        {run: func(*client, line) {}, early: true},

		// channels: commands_channel.go, commands_kick.go, commands_mode.go
		"INVITE": {run: (*client).invite},
		"JOIN":   {run: (*client).join, min: 1},
		"KICK":   {run: (*client).kick, min: 2},
		"LIST":   {run: (*client).list},
		"MODE":   {run: (*client).mode, min: 1},
		"NAMES":  {run: (*client).names},
		"PART":   {run: (*client).part, min: 1},
		"TOPIC":  {run: (*client).topic, min: 1},

		// texts: commands_message.go
		"NOTICE":  {run: (*client).noticeCommand},
		"PRIVMSG": {run: (*client).privmsg},
		"TAGMSG":  {run: func(*client, line) {}}, // typing and the like stay here

		// people: commands_query.go
		"ISON":     {run: (*client).ison, min: 1},
		"USERHOST": {run: (*client).userhost, min: 1},
		"WHO":      {run: (*client).who},
		"WHOIS":    {run: (*client).whois},
		"WHOWAS":   {run: (*client).whowas},

		// oneself and the server: commands_server.go
		"ADMIN":   {run: (*client).admin},
		"AWAY":    {run: (*client).awayCommand},
		"HELP":    {run: (*client).help},
		"INFO":    {run: (*client).info},
		"LUSERS":  {run: (*client).lusers},
		"MOTD":    {run: (*client).motd},
		"SETNAME": {run: (*client).setname, min: 1},
		"TIME":    {run: (*client).timeCommand},
		"VERSION": {run: (*client).version},
	}
}

// received is what the dispatcher does with a line, or with what was wrong with it.
func (g *gateway) received(c *client, l line, err error) {
	if c.closed {
		return
	}
	c.heard, c.pinged = time.Now(), false
	if errors.Is(err, errTooLong) {
		c.reply(errInputTooLong, "Input line was too long")
		return
	}
	if err != nil {
		return // neither an empty line nor noise is worth an answer
	}
	cmd, known := commands[l.command]
	switch {
	case !c.registered && (!known || !cmd.early):
		c.reply(irc.ERR_NOTREGISTERED, "You have not registered")
	case !known:
		c.reply(irc.ERR_UNKNOWNCOMMAND, cut(l.command, maxNick), "Unknown command. For what there is, type /msg sysop help")
	case len(l.params) < cmd.min || cmd.min > 0 && l.params[0] == "":
		c.reply(irc.ERR_NEEDMOREPARAMS, l.command, "Not enough parameters")
	default:
		cmd.run(c, l)
	}
}

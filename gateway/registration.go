package main

import (
	"strings"
	"time"

	"gopkg.in/irc.v4"

	"hubbub/channels"
)

// registration is how far a client has come before it is registered.
type registration struct {
	negotiating bool // CAP LS or REQ came, CAP END did not
	user        bool // USER came
	checking    bool // a password is being compared
	proven      bool // it was right
	grace       *time.Timer
	sasl        saslExchange
}

// passwordGrace is how long a client that has registered but for the password
// may take to send it: some send PASS after CAP END.
const passwordGrace = 5 * time.Second

func (r *registration) stop() {
	if r.grace != nil {
		r.grace.Stop()
	}
}

// pass answers PASS.
func (c *client) pass(l line) {
	switch {
	case c.registered:
		c.reply(irc.ERR_ALREADYREGISTERED, "You are registered already")
	case l.param(0) == "":
		c.reply(irc.ERR_NEEDMOREPARAMS, "PASS", "Give the password")
	case c.g.settings.Password == "" || c.register.checking || c.register.proven:
	default:
		c.checkPassword(l.param(0), func(ok bool) {
			if !ok {
				c.wrongPassword()
				return
			}
			c.tryRegister()
		})
	}
}

// checkPassword compares a password beside the dispatcher, which then calls
// then: a hashed one takes its time.
func (c *client) checkPassword(given string, then func(ok bool)) {
	c.register.checking = true
	go func() {
		c.g.comparing <- struct{}{}
		ok := c.g.settings.Password.matches(given)
		<-c.g.comparing
		c.g.do(func() {
			c.register.checking = false
			if c.closed {
				return
			}
			c.register.proven = c.register.proven || ok
			then(ok)
		})
	}()
}

func (c *client) wrongPassword() {
	c.reply(irc.ERR_PASSWDMISMATCH, "Wrong password: give the one of the gateway's configuration")
	c.g.drop(c, "wrong password")
}

// wantPassword waits a little for a password that has not come, then tells.
func (c *client) wantPassword() {
	if c.register.grace != nil {
		return
	}
	c.register.grace = time.AfterFunc(passwordGrace, func() {
		c.g.do(func() {
			if c.closed || c.registered || c.register.checking {
				return
			}
			c.reply(irc.ERR_PASSWDMISMATCH, "This gateway wants its password: connect with it (irssi: /connect localhost 6667 PASSWORD; WeeChat: /server add hubbub localhost/6667 -password=PASSWORD)")
			c.g.drop(c, "no password")
		})
	})
}

// user answers USER. What is behind an @ in the user name, alice@laptop, names
// the client, whose lines are marked as delivered apart from those of others.
func (c *client) user(l line) {
	if c.registered {
		c.reply(irc.ERR_ALREADYREGISTERED, "You are registered already")
		return
	}
	if len(l.params) < 4 || l.param(0) == "" {
		c.reply(irc.ERR_NEEDMOREPARAMS, "USER", "Give a user name and a real name")
		return
	}
	c.register.user = true
	c.realname = cut(cleanText(l.param(3)), maxRealname)
	c.nameClient(l.param(0))
	c.tryRegister()
}

// nameClient takes the client's name from a user name, unless it has one.
func (c *client) nameClient(user string) {
	if _, name, ok := strings.Cut(user, "@"); ok && c.name == "" {
		c.name = cut(cleanMiddle(name), maxNick)
	}
}

// maxRealname is how much of a real name is kept, in bytes.
const maxRealname = 100

// tryRegister registers the client if all that is needed has come.
func (c *client) tryRegister() {
	r := &c.register
	if c.closed || c.registered || c.nick == "" || !r.user || r.negotiating || r.checking {
		return
	}
	if c.g.settings.Password != "" && !r.proven {
		c.wantPassword()
		return
	}
	if c.g.core.Nick() == "" && !c.setFirstNick() {
		return
	}
	if !c.g.makeRoom() {
		c.g.drop(c, "too many clients are connected")
		return
	}
	r.stop()
	c.registered, c.firstNick = true, c.nick
	c.welcome()
	c.attach()
}

// setFirstNick gives the user the nick of his first client. Later clients have it
// given to them.
func (c *client) setFirstNick() bool {
	ref := c.g.ask(asked{client: c, command: "NICK", nick: c.nick})
	c.g.step(channels.SetNick{Ref: ref, Nick: c.nick})
	if c.g.core.Nick() == "" {
		c.nick = "" // it was told why, and gives another
		return false
	}
	return true
}

// welcome is what every server says first. The client's own nick is the one it
// asked for until the end; then it is told the user's.
func (c *client) welcome() {
	version := "hubbub-" + c.g.settings.Version
	c.reply(irc.RPL_WELCOME, "Welcome to hubbub, "+c.nick)
	c.reply(irc.RPL_YOURHOST, "Your host is "+serverName+", your own gateway, running "+version)
	c.reply(irc.RPL_CREATED, "This gateway was started on "+c.g.started.Format("Mon 2 Jan 2006 at 15:04"))
	c.reply(irc.RPL_MYINFO, serverName, version, userModes, channelModes)
	c.isupport()
	c.lusers(line{})
	c.motd(line{})
	if nick := c.g.core.Nick(); nick != c.nick {
		c.renameTo(nick)
	}
}

// renameTo tells the client that its user has another nick.
func (c *client) renameTo(nick string) {
	c.send(message{from: c.prefix(), command: "NICK", params: []string{nick}})
	c.nick = nick
}

// nickCommand answers NICK. Before registration it is the client that chooses,
// or a program that puts "_" behind what it was told: nothing but the first
// nick ever is taken from that. Later it is the user.
func (c *client) nickCommand(l line) {
	nick := l.param(0)
	switch {
	case nick == "":
		c.reply(irc.ERR_NONICKNAMEGIVEN, "Give a nick")
	case same(nick, serverNick):
		c.reply(irc.ERR_NICKNAMEINUSE, cleanMiddle(nick), "sysop is the gateway's own: choose another nick")
	case !goodNick(nick):
		c.reply(irc.ERR_ERRONEUSNICKNAME, cleanMiddle(nick), "A nick is up to 30 bytes, letters first, without spaces and without ! @ , : * ? # & $ % + ~")
	case !c.registered:
		c.nick = nick
		c.tryRegister()
	case nick == c.nick:
	default:
		c.g.step(channels.SetNick{Ref: c.g.ask(asked{client: c, command: "NICK", nick: nick}), Nick: nick})
	}
}

package main

import (
	"encoding/base64"
	"errors"

	"github.com/emersion/go-sasl"
	"gopkg.in/irc.v4"
)

// saslExchange is an authentication under way (ircv3.net/specs/extensions/sasl-3.2).
type saslExchange struct {
	server sasl.Server
	base64 string // what came of a response so far
}

const (
	saslChunk       = 400 // a longer response comes in pieces of this
	saslMaxResponse = 4096
)

// authenticate answers AUTHENTICATE. Only PLAIN is known: the password is the
// gateway's, the user name means nothing but the client's name behind an @.
func (c *client) authenticate(l line) {
	x := &c.register.sasl
	given := l.param(0)
	switch {
	case c.registered || c.register.proven:
		c.reply(irc.ERR_SASLALREADY, "You have authenticated already")
	case !c.caps.has(capSASL) || c.g.settings.Password == "":
		c.reply(irc.ERR_SASLFAIL, "SASL authentication failed: ask for the capability first")
	case given == "*":
		*x = saslExchange{}
		c.reply(irc.ERR_SASLABORTED, "SASL authentication aborted")
	case x.server == nil && given != sasl.Plain:
		c.reply(irc.RPL_SASLMECHS, sasl.Plain, "are available SASL mechanisms")
		c.reply(irc.ERR_SASLFAIL, "SASL authentication failed")
	case x.server == nil:
		x.server = sasl.NewPlainServer(c.plain)
		c.send(message{command: "AUTHENTICATE", params: []string{"+"}})
	case len(given) > saslChunk || len(x.base64) > saslMaxResponse:
		*x = saslExchange{}
		c.reply(irc.ERR_SASLTOOLONG, "SASL message too long")
	case c.register.checking:
	default:
		c.saslResponse(given)
	}
}

// saslResponse takes a piece of the response; one shorter than saslChunk is the last.
func (c *client) saslResponse(piece string) {
	x := &c.register.sasl
	if piece != "+" {
		x.base64 += piece
	}
	if len(piece) == saslChunk {
		return
	}
	response, err := base64.StdEncoding.DecodeString(x.base64)
	if err == nil {
		_, _, err = x.server.Next(response)
	}
	*x = saslExchange{}
	if err != nil {
		c.reply(irc.ERR_SASLFAIL, "SASL authentication failed")
	}
}

// plain has the password of a response compared; what comes of it is told later.
func (c *client) plain(_, username, given string) error {
	if username == "" || given == "" {
		return errors.New("empty user name or password")
	}
	c.checkPassword(given, func(ok bool) {
		if !ok {
			c.reply(irc.ERR_SASLFAIL, "SASL authentication failed: wrong password")
			c.g.drop(c, "wrong password")
			return
		}
		c.nameClient(username)
		c.reply(irc.RPL_LOGGEDIN, prefixOf(c.target()), cut(cleanMiddle(username), maxRealname), "You are logged in")
		c.reply(irc.RPL_SASLSUCCESS, "SASL authentication successful")
		c.tryRegister()
	})
	return nil
}

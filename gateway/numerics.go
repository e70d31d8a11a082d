package main

// Numerics and replies that irc.v4 has no names for, or hides among those that
// servers use differently. RFC 2812 §5 and modern.ircdocs.horse/#numerics are
// where the others come from.
const (
	rplLocalUsers     = "265"
	rplGlobalUsers    = "266"
	rplWhoisSpecial   = "320" // words about somebody, in WHOIS
	rplCreationTime   = "329"
	rplTopicWhoTime   = "333"
	rplInviteList     = "336" // answers INVITE without parameters
	rplEndOfInvites   = "337"
	rplWhoSpecial     = "354" // WHOX
	errInputTooLong   = "417"
	errHelpNotFound   = "524"
	rplHelpStart      = "704"
	rplHelpText       = "705"
	rplEndOfHelp      = "706"
	errInvalidModeKey = "696"
)

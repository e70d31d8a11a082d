package main

import (
	"time"

	"hubbub/channels"
)

// quoteMark is what stands before a line that somebody has shared: who said it
// and when, in the sharer's words, for they alone vouch for it.
func quoteMark(l channels.Line) string {
	mark := "[" + ircNick(l.Quoted)
	if !l.Said.IsZero() {
		mark += ", " + dayAndTime(l.Said, l.Time)
	}
	if mark += "] "; l.Kind == channels.Action {
		mark += "* " + ircNick(l.Quoted) + " " // not what the sharer does
	}
	return mark
}

// dayAndTime is a moment in the machine's zone, with the year if it is another
// than that of now.
func dayAndTime(t, now time.Time) string {
	if t.Local().Year() != now.Local().Year() {
		return t.Local().Format("2 Jan 2006 15:04")
	}
	return t.Local().Format("2 Jan 15:04")
}

// Package channels is the core of hubbub: what a user does, what hubs answer
// and the passing of time go in; requests for hubs and events to show come out.
//
// It is a step machine. It starts no goroutine, waits for nothing, opens no
// socket and looks at no clock:
//
//	input ──▶ Step(input, now) ──▶ one phonebook transaction ──▶ Output{Requests, Events, …}
//
// The gateway runs it from one goroutine and carries out what it returns; the
// simulator drives the very same code in virtual time. When Step has returned,
// everything in its Output is on disk, so a crash before it is carried out
// loses nothing: Start makes the requests again, and lines that no client has
// confirmed are shown again.
//
// A text's way out: Send (text into the outbox) → at the hub's head: session
// seals → one transaction: envelope and advanced chain → Request{put}, to every
// hub of the channel → Answered. And in: a waiting fetch is Answered → session
// opens → roster and phonebook, one transaction → Line.
package channels

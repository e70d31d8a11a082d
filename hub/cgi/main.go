// Command hub.cgi is the hub as a CGI program (RFC 3875): put it on web space,
// and open it in a browser. docs/hub.md says how. It is one static file:
//
//	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -funcalign=8" -o hub.cgi ./hub/cgi
//
// It reads CGI's environment and standard input by hand: net/http would make
// it larger and each start of it slower.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"

	"hubbub/hub"
)

func main() {
	if os.Getenv("REQUEST_METHOD") == "" {
		byHand()
	}
	// Many of these may run at once, and a host counts them together.
	debug.SetMemoryLimit(softMemory)
	// A client that is gone is found out by writing; it must not end the
	// process before the database is closed.
	ignoreBrokenPipes()
	log := stderrLog{os.Stderr}
	if err := serve(os.Getenv, os.Stdin, os.Stdout, log); err != nil {
		log.Warn("the answer was not taken", "error", err)
	}
}

// softMemory is what Go's memory is kept below, if that is possible: beyond it
// garbage is collected all the time. The whole process takes 9 MiB more.
const softMemory = 5 << 20

// byHand tells somebody who starts it what it is, and ends the program. Only
// here are arguments looked at: to a web server a query without "=" is an
// argument too (RFC 3875, section 4.4), and so anybody's.
func byHand() {
	if len(os.Args) > 1 && os.Args[1] == "-version" {
		fmt.Println(hub.Software)
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "hub.cgi is started by a web server. Put it on web space, as docs/hub.md says,\nor run hubd instead.")
	os.Exit(2)
}

// serve answers the one request of this process.
func serve(environment func(string) string, in, out *os.File, log hub.Logger) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go watchClient(ctx, cancel, out)

	request, err := readInTime(environment, in)
	method := request.Method // and not the request: its body may be large
	var reply hub.Reply
	if err != nil {
		reply = refused(err)
	} else {
		folder, err := hub.ProgramFolder(environment("SCRIPT_FILENAME"))
		if err != nil {
			log.Error("there is no hub", "error", err)
			reply = hub.Failed(err)
		} else {
			site := hub.NewSite(folder, log)
			defer site.Close()
			reply = site.Serve(ctx, request)
		}
	}
	return writeReply(out, reply, method)
}

func ignoreBrokenPipes() {
	if len(brokenPipe) > 0 { // to ignore none would be to ignore all
		signal.Ignore(brokenPipe...)
	}
}

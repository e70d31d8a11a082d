package main

import (
	"fmt"
	"io"
	"strings"
)

// stderrLog is the hub's log, for the web server's error log: a line for each
// fault, as log/slog's TextHandler writes it, but without the time, which web
// servers add.
type stderrLog struct{ to io.Writer }

func (l stderrLog) Warn(message string, namesAndValues ...any) {
	l.write("WARN", message, namesAndValues)
}

func (l stderrLog) Error(message string, namesAndValues ...any) {
	l.write("ERROR", message, namesAndValues)
}

func (l stderrLog) write(level, message string, namesAndValues []any) {
	var line strings.Builder
	fmt.Fprintf(&line, "level=%s msg=%q", level, message)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		fmt.Fprintf(&line, " %v=%q", namesAndValues[i], fmt.Sprint(namesAndValues[i+1]))
	}
	line.WriteByte('\n')
	io.WriteString(l.to, line.String())
}

package hub

import (
	"errors"
	"fmt"
	"html"
	"io/fs"
	"strings"

	"hubbub/hub/store"
)

// Check is one thing that the hub looked at while it was set up.
type Check struct {
	State CheckState
	What  string // a sentence on how it is; {braces} are set as code, as in Do
	Do    string // what to do about it, in the words of a hosting's panel
	Link  string // where to try it
}

// fine, note and stop make checks.
func fine(what string) Check     { return Check{State: CheckOK, What: what} }
func note(what, do string) Check { return Check{State: CheckNote, What: what, Do: do} }
func stop(what, do string) Check { return Check{State: CheckStop, What: what, Do: do} }

// CheckState is how a check went.
type CheckState int

// How a check can go.
const (
	CheckOK   CheckState = iota
	CheckNote            // the hub works, but not as well as it could, or not as safely
	CheckStop            // the hub does not work
)

// String is the word that stands before a check.
func (s CheckState) String() string { return [...]string{"ok", "warning", "stop"}[s] }

// write adds a check to the page's list of them.
func (c Check) write(d *document) {
	d.raw(`<li class="` + c.State.String() + `"><b>` + c.State.String() + "</b> " + mark(c.What))
	if c.Link != "" {
		d.raw(` <a href="` + html.EscapeString(c.Link) + `">Try it now.</a>`)
	}
	if c.Do != "" {
		d.raw(` <span class="do">` + mark(c.Do) + "</span>")
	}
	d.raw("</li>\n")
}

// stopCheck is a set-up that ended with err. beside says whether the data folder
// is beside the program.
func stopCheck(err error, beside bool) Check {
	var t *Trouble
	switch {
	case errors.As(err, &t):
		return stop(t.What, t.Do)
	case errors.Is(err, errServed) && beside:
		return stop(servedWords, serveNot+" If the hub was in use already, move the folder {"+folderPrefix+
			"…} to that place instead, under the new name. If you change the server’s rules, delete the file {"+exposureName+"} in it, and open this page again.")
	case errors.Is(err, errServed):
		return stop(servedWords, serveNot+" If you change the server’s rules, delete the file {"+exposureName+"} in it, and open this page again.")
	case errors.Is(err, store.ErrNewer):
		return stop("The hub’s data was written by a newer version of the program.", "Put the newer program back.")
	}
	return stop("The hub cannot start.", "The web server’s error log says why (in most panels: Metrics → Errors).")
}

// servedWords is what all of this is to keep from happening.
const servedWords = "The web server hands out files of this hub’s data folder to anybody who knows their names."

// serveNot is what to do about it.
const serveNot = "In the File Manager, make a folder {hub-data} in the folder above {public_html} (Permissions: 700), and beside the program a file {hub.conf} with the line {data = \"../hub-data\"} (one {../} more for each folder that the program is in below {public_html}). Or ask your hosting to heed {.htaccess} (AllowOverride All)."

// confTrouble is a hub.conf that cannot be used.
func confTrouble(err error) error {
	return &Trouble{
		What: "{" + ConfigName + "} cannot be used: " + braceless(err) + ".",
		Do:   "Put that right with the File Manager’s editor, or remove the file.",
		err:  fmt.Errorf("reading %s: %w", ConfigName, err),
	}
}

// braceless is an error's text without what would be read as marks, or a path.
func braceless(err error) string {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err.Error()
	}
	return strings.NewReplacer("{", "(", "}", ")").Replace(err.Error())
}

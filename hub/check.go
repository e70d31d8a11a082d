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
	CheckTry             // only the reader can tell
	CheckNote            // the hub works, but not as well as it could, or not as safely
	CheckStop            // the hub does not work
)

// String is the word that stands before a check.
func (s CheckState) String() string { return [...]string{"ok", "try", "warning", "stop"}[s] }

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

// stopCheck is a set-up that ended with err.
func stopCheck(err error) Check {
	var t *Trouble
	switch {
	case errors.As(err, &t):
		return stop(t.What, t.Do)
	case errors.Is(err, store.ErrNewer):
		return stop("The hub’s data was written by a newer version of the program.", "Put the newer program back.")
	}
	return stop("The hub cannot start.", "The web server’s error log says why (in most panels: Metrics → Errors).")
}

// servedCheck says what to do where the data is served. keys says that there is a
// secret in it, claimed that somebody uses it.
func servedCheck(keys, claimed bool) Check {
	switch {
	case claimed:
		return stop(servedWords, "The hub answers nothing until that is put right. In the File Manager, move its data folder into the folder above {public_html}, call it {hub-data} there, and make beside the program "+confLine+
			". Or ask your hosting to heed {.htaccess} (AllowOverride All), then delete the file {"+exposureName+"} in the data folder, and open this page again. Whoever took its keys can pass for this hub, but read nothing.")
	case keys:
		return stop(servedWords, "Nobody has used the hub yet, so begin anew: in the File Manager, delete the folders beside the program whose names begin with {"+folderPrefix+"}. Then make a folder {hub-data} in the folder above {public_html} (Permissions: 700), and beside the program "+confLine+
			". Or ask your hosting to heed {.htaccess} (AllowOverride All). Open this page again then.")
	}
	return stop(servedWords, "No secret is in it yet. In the File Manager, make a folder {hub-data} in the folder above {public_html} (Permissions: 700), and beside the program "+confLine+
		". Or ask your hosting to heed {.htaccess} (AllowOverride All). Open this page again then.")
}

// confLine is how to name that folder.
const confLine = "a file {" + ConfigName + "} with the line {data = \"../hub-data\"} (one {../} more for each folder that the program is in below {public_html})"

// servedWords is what all of this is to keep from happening.
const servedWords = "The web server hands out files of this hub’s data folder to anybody who knows their names."

// confTrouble is a hub.conf that cannot be used.
func confTrouble(err error) error {
	t := &Trouble{
		What: "{" + ConfigName + "} cannot be used: " + braceless(err) + ".",
		Do:   "Put that right with the File Manager’s editor, or remove the file.",
		err:  fmt.Errorf("reading %s: %w", ConfigName, err),
	}
	switch {
	case errors.Is(err, errEmpty):
		t.What = "{" + ConfigName + "} is empty, as it is while it is being uploaded."
		t.Do = "Open this page again when it is there. If it stays empty, upload it once more; or delete it, if your hub never had one."
	case errors.Is(err, errUploading):
		t.What = "{" + ConfigName + "} has changed a moment ago, and its last line does not end: it may be that it is not there as a whole yet."
		t.Do = "Open this page again in a minute."
	}
	return t
}

// braceless is an error's text without what would be read as marks, or a path.
func braceless(err error) string {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err.Error()
	}
	return strings.NewReplacer("{", "(", "}", ")").Replace(err.Error())
}

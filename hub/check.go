package hub

// Check is one thing that the hub looked at while it was set up.
type Check struct {
	State CheckState
	What  string // a sentence on how it is; {braces} are set as code, as in Do
	Do    string // what to do about it, in the words of a hosting's panel
}

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
	if c.Do != "" {
		d.raw(` <span class="do">` + mark(c.Do) + "</span>")
	}
	d.raw("</li>\n")
}

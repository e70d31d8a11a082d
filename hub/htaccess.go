package hub

// AccessName is the file beside hub.cgi that tells Apache what may be done with it.
const AccessName = ".htaccess"

// AccessFile is what may stand in it: .cgi files are programs, nobody gets to see
// the list of the folder's files, and nobody reads hub.conf. docs/hosting.md says
// the same.
const AccessFile = `Options +ExecCGI -Indexes
AddHandler cgi-script .cgi
RedirectMatch 404 "/hub\.conf$"
`

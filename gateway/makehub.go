package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"hubbub/channels/wire"
	"hubbub/hub"
)

// makeHubFlags are those of -make-hub.
type makeHubFlags struct {
	folder   string // where the upload is written
	platform string // the web space's system and processor
	url      string // where the hub will answer, if that is known
	packages string // a folder of what .ci/package makes
}

// defaultPlatform is what nearly all web space runs on.
const defaultPlatform = "linux/amd64"

// platforms is how one is written.
var platforms = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+$`)

// uploadNames are the files of an upload.
var uploadNames = []string{hub.AccessName, hub.ConfigName, "hub.cgi", readmeName}

const readmeName = "READ ME FIRST.txt"

// makeHub writes a folder that is ready for being uploaded to web space: the
// hub, what the web server is to know of it, and whose it is. The gateway may
// run meanwhile.
func makeHub(f flags, stdout, stderr io.Writer) error {
	keepPrivate()
	c, err := settle(f, stderr)
	if err != nil {
		return err
	}
	m := f.makeHub
	if m.platform == "" {
		m.platform = defaultPlatform
	}
	if !platforms.MatchString(m.platform) {
		return fmt.Errorf("-platform: %q is no system and processor such as %s", m.platform, defaultPlatform)
	}
	if m.url != "" {
		if m.url, err = wire.CanonicalURL(m.url); err != nil {
			return fmt.Errorf("-url: %w", err)
		}
	}
	if err := uploadFolder(m.folder); err != nil {
		return err
	}
	program, err := findHub(m, stderr)
	if err != nil {
		return err
	}
	data, err := privateFolder(c.Data)
	if err != nil {
		return err
	}
	conf, err := uploadOwner(m.folder, hubOwnerIn(data))
	if err != nil {
		return err
	}
	if err := writeUpload(m, program, conf); err != nil {
		return fmt.Errorf("writing the upload: %w", err)
	}
	fmt.Fprintf(stdout, "The hub for %s is in %s.\n\n%s", m.platform, m.folder, uploadSteps(m.url))
	if conf == nil {
		fmt.Fprintf(stdout, "\nThe folder is an earlier upload, whose hub.conf stays: it is for the same hub, with the\nsame owner. If that hub is yours already, step 3 is done. For another hub name another\nfolder.\n")
	}
	return nil
}

// uploadOwner is what hub.conf is to be: for an account of its own, which waits for the
// hub; nil where an earlier upload has named one, for its hub may be up since. One
// upload is for one hub.
func uploadOwner(folder string, owners hubOwner) (conf []byte, err error) {
	path := filepath.Join(folder, hub.ConfigName)
	switch _, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		account, err := owners.prepare()
		return fmt.Appendf(nil, uploadConf, wire.OwnerText(account)), err
	case err != nil:
		return nil, fmt.Errorf("-make-hub: %w", err)
	}
	was, err := hub.OwnerIn(folder)
	switch {
	case err != nil:
		return nil, fmt.Errorf("-make-hub: %w", err)
	case was == wire.Token{}:
		return nil, fmt.Errorf("-make-hub: %s names no owner, and is not written over: name a folder that is new or empty", path)
	}
	return nil, nil
}

// uploadFolder makes sure that nothing but an earlier upload is written over.
func uploadFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("-make-hub: %w", err)
	}
	for _, e := range entries {
		if !slices.Contains(uploadNames, e.Name()) {
			return fmt.Errorf("-make-hub: %s holds other things, such as %s: name a folder that is new or empty", folder, e.Name())
		}
	}
	return nil
}

// writeUpload writes the folder's files, with the modes that web space wants:
// FTP programs that keep modes do no harm then. Without conf the one that is there stays.
func writeUpload(m makeHubFlags, program, conf []byte) error {
	if err := os.MkdirAll(m.folder, 0o755); err != nil {
		return err
	}
	for _, file := range []struct {
		name    string
		mode    fs.FileMode
		content []byte
	}{
		{"hub.cgi", 0o755, program},
		{hub.AccessName, 0o644, []byte(hub.AccessFile)},
		{hub.ConfigName, 0o644, conf},
		{readmeName, 0o644, []byte(uploadReadme(m))},
	} {
		path := filepath.Join(m.folder, file.name)
		if file.content == nil {
			continue
		}
		if err := os.WriteFile(path, file.content, file.mode); err != nil {
			return err
		}
		if err := os.Chmod(path, file.mode); err != nil { // whatever the umask is, and the file was
			return err
		}
	}
	return os.Chmod(m.folder, 0o755)
}

const uploadConf = `# This hub is owned by the gateway that made this file: its account's public key.
# There is nothing in here that anybody must not see. docs/hub.md says what else
# can stand here.
owner = "%s"
`

// uploadSteps are what is left to be done.
func uploadSteps(url string) string {
	open, add := "its address in a browser, such as https://your.site/hub.cgi", "URL"
	where := "with that address in place of URL"
	if url != "" {
		open, add, where = url+" in a browser", url, "in the IRC client of the gateway that made the upload"
	}
	return fmt.Sprintf(`1. Upload its files to a folder of your web space (%s and %s, too,
   which some FTP programs hide), in binary mode, and give hub.cgi the
   permissions 755.
2. Open %s.
   The page says whether all is well, and what to do if it is not.
3. Type, %s:
   /msg sysop hub add %s
`, hub.AccessName, hub.ConfigName, open, where, add)
}

// uploadReadme is the file of instructions.
func uploadReadme(m makeHubFlags) string {
	return strings.ReplaceAll(fmt.Sprintf(`A hub for hubbub, for web space that runs on %s.

%s
What the files are:

  hub.cgi      the program
  .htaccess    lets Apache and LiteSpeed run it; other servers do not read it
  hub.conf     says whose hub it is

If the page shows an error instead:

  403, 500     the permissions of hub.cgi are to be 755, those of its folder
               755 as well: nobody else may write there
  500          if it stays so: delete the first line of .htaccess; or put
               hub.cgi and hub.conf into the folder cgi-bin and leave out
               .htaccess; or hub.cgi was uploaded in text mode
  a download   .htaccess is missing, or the hosting has no CGI in this folder:
               put hub.cgi and hub.conf into the folder cgi-bin
  "exec format error" in the hosting's error log: it is another system:
               make the upload again with -platform

This folder is for one hub: for another make another (-make-hub FOLDER). To upgrade
the hub make it again, into this same folder: hub.conf stays as it is.

docs/hosting.md says more, also of other web servers. The hub is yours, and yours
alone, as long as you keep the gateway's data: nobody can claim it. If the
gateway's data is ever lost, make such a folder anew with the next gateway, and
put its hub.conf in the place of the one on your web space: the hub is then that
gateway's.
`, m.platform, uploadSteps(m.url)), "\n", "\r\n")
}

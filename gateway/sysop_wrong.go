package main

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"hubbub/channels/hubclient"
	"hubbub/hub"
)

// noHub says that a URL leads to no hub, and what the most likely cause is: in the
// words of docs/hosting.md, which has all of them.
func noHub(place string, err error) []string {
	const table = "docs/hosting.md has all that may be wrong, under “What a wrong upload looks like”. Then say it again."
	e, ok := errors.AsType[*hubclient.Error](err)
	if !ok {
		e = &hubclient.Error{}
	}
	name := path.Base(place)
	switch {
	case ok && strings.HasSuffix(place, "/") && (e.Kind == hubclient.NotAHub || e.Status == http.StatusForbidden || e.Status == http.StatusNotFound):
		return []string{fmt.Sprintf("No hub answers at %s: %v. That address names no file: most likely hub.cgi is missing at its end. Try %shub.cgi or, if it lies in a folder there, with that folder before hub.cgi. %s", place, err, place, table)}
	case e.Program:
		lines := []string{
			fmt.Sprintf("The web server at %s hands the program out as a download, instead of running it: there is no .htaccess beside it, or the server heeds none. Nothing secret is in that file.", place),
			"Upload .htaccess, too (FTP programs hide names that begin with a dot: have yours show hidden files). These are its lines:",
		}
		for line := range strings.Lines(hub.AccessFile) {
			lines = append(lines, "    "+strings.TrimSpace(line))
		}
		return append(lines, "If it is there, the hosting allows none in this folder: put "+name+" and hub.conf into the folder cgi-bin, without .htaccess. "+table)
	case e.Status == http.StatusForbidden:
		return []string{fmt.Sprintf("The web server at %s lets nobody in (403). The folder has to have the permissions 755, and %s as well; and .htaccess has to be there as a whole, with its line “Options +ExecCGI”. %s", place, name, table)}
	case e.Status == http.StatusNotFound:
		return []string{fmt.Sprintf("There is no such page as %s (404). Look how the file is called there, with upper and lower case, and in which folder it is: the address is that of the web folder, without public_html. %s", place, table)}
	case e.Status == http.StatusInternalServerError:
		return []string{
			fmt.Sprintf("The web server at %s could not start the program (500). Most likely its permissions: %s has to have 755, and its folder 755, never 777 or 775, for suexec runs nothing that others can write to.", place, name),
			"If those are right: the file was uploaded in text mode, or only half of it (compare its size, and upload it again in binary mode); it is for another system (-platform); or the server does not allow a line of .htaccess (leave out the first). The error log of the hosting says which. " + table,
		}
	case e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout:
		return []string{fmt.Sprintf("The web server at %s does not get an answer from the program now (%d). Wait for a minute, and say it again. If it stays so, the file was damaged on its way (upload it again, in binary mode), or the hosting allows too few programs at once. %s", place, e.Status, table)}
	}
	return []string{fmt.Sprintf("%s does not answer as a hub: %v. Open it in a browser: if its page does not show either, docs/hosting.md says what to check. Then say it again.", place, err)}
}

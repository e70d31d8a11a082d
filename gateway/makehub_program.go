package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// hubPackage is the package that hub.cgi is built from.
const hubPackage = "hubbub/hub/cgi"

// findHub returns hub.cgi for the asked platform: of the packages that are
// named; else as it lies beside the gateway, where the packages have it; else
// built, where this is the source and Go is installed.
func findHub(m makeHubFlags, stderr io.Writer) ([]byte, error) {
	var wrong []string // others that were found
	for _, path := range hubPlaces(m) {
		is, err := hubPlatform(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			wrong = append(wrong, path+" is not a hub.cgi")
		case is != m.platform:
			wrong = append(wrong, path+" is for "+is)
		default:
			return os.ReadFile(path)
		}
	}
	source := sourceFolder()
	if _, err := exec.LookPath("go"); err == nil && source != "" && m.packages == "" {
		fmt.Fprintf(stderr, "Building hub.cgi for %s. The first time this takes a minute or two.\n", m.platform)
		return buildHub(source, m.platform)
	}
	found := ""
	if len(wrong) > 0 {
		found = " (" + strings.Join(wrong, "; ") + ")"
	}
	return nil, fmt.Errorf("there is no hub.cgi for %s here%s: take it from where you have the gateway from, where each system has a folder, and name the folder of those with -packages; or run this in hubbub's source, with Go installed", m.platform, found)
}

// hubPlaces are where hub.cgi may lie.
func hubPlaces(m makeHubFlags) []string {
	folder := strings.ReplaceAll(m.platform, "/", "-")
	if m.packages != "" {
		return []string{filepath.Join(m.packages, folder, "hub.cgi"), filepath.Join(m.packages, "hub.cgi")}
	}
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	beside := filepath.Dir(program)
	return []string{filepath.Join(beside, "hub.cgi"), filepath.Join(beside, folder, "hub.cgi"), filepath.Join(beside, "..", folder, "hub.cgi")}
}

// hubPlatform says what a hub.cgi was built for.
func hubPlatform(path string) (string, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "", err
	}
	if info.Path != hubPackage {
		return "", fmt.Errorf("it is %s", info.Path)
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	return settings["GOOS"] + "/" + settings["GOARCH"], nil
}

// sourceFolder is hubbub's source, if the gateway was started in it; else empty.
func sourceFolder() string {
	folder, err := os.Getwd()
	for err == nil {
		if text, readErr := os.ReadFile(filepath.Join(folder, "go.mod")); readErr == nil {
			if strings.HasPrefix(string(text), "module hubbub\n") {
				return folder
			}
			return ""
		}
		if folder == filepath.Dir(folder) {
			break
		}
		folder = filepath.Dir(folder)
	}
	return ""
}

// buildHub builds hub.cgi as .ci/package does.
func buildHub(source, platform string) ([]byte, error) {
	folder, err := os.MkdirTemp("", "hubbub-make-hub")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	out := filepath.Join(folder, "hub.cgi")
	system, processor, _ := strings.Cut(platform, "/")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -funcalign=8", "-o", out, "./hub/cgi")
	build.Dir = source
	build.Env = append(os.Environ(), "GOFLAGS=", "GOOS="+system, "GOARCH="+processor, "CGO_ENABLED=0", "GO386=sse2", "GOARM=6")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building hub.cgi for %s: %w\n%s", platform, err, text)
	}
	return os.ReadFile(out)
}

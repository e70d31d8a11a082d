package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"hubbub/channels"
	"hubbub/channels/wire"
)

// A hub that was exported is a file of age (age-encryption.org/v1), for a passphrase.
// In it stand exportMagic, the hub's fingerprint (16 bytes), its URL, and then its
// records, as the hub gave them; the URL and each record behind its length as an
// unsigned varint. age notices a file that was cut off or changed.

const exportMagic = "hubbub exported hub 1\n"

// mostExported is the most that an export may hold: a hub with a million tokens has
// a quarter of that.
const mostExported = 512 << 20

// exportedHub is what such a file holds.
type exportedHub struct {
	address channels.HubAddress
	records [][]byte
}

// newPassphrase draws a passphrase: 130 bits, in groups that can be read out.
func newPassphrase() string {
	text := rand.Text()
	var groups []string
	for len(text) > 5 {
		groups, text = append(groups, text[:5]), text[5:]
	}
	return strings.Join(append(groups, text), "-")
}

// readPassphrase is a passphrase as it was drawn, however it was typed.
func readPassphrase(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.ToUpper(text) {
		if r == '-' || r == ' ' {
			continue
		}
		if n++; n%5 == 1 && n > 1 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// workFactor is age's for scrypt: 32 MiB. A drawn passphrase cannot be guessed
// whatever a guess costs, and a small machine has to open the file.
const workFactor = 15

// save writes the file, which must not be there yet, 0600.
func (e exportedHub) save(path, passphrase string) (err error) {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	recipient.SetWorkFactor(workFactor)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	w, err := age.Encrypt(f, recipient)
	if err != nil {
		return err
	}
	if err := e.write(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Sync()
}

func (e exportedHub) write(w io.Writer) error {
	head := append([]byte(exportMagic), e.address.Fingerprint[:]...)
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, piece := range append([][]byte{[]byte(e.address.URL)}, e.records...) {
		if _, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(piece))), piece...)); err != nil {
			return err
		}
	}
	return nil
}

// Errors of loadExport. Their text is for people.
var (
	errPassphrase = errors.New("that is not the file's passphrase")
	errNotExport  = errors.New("that is no file of an exported hub")
)

// loadExport reads such a file.
func loadExport(path, passphrase string) (exportedHub, error) {
	identity, err := age.NewScryptIdentity(readPassphrase(passphrase))
	if err != nil {
		return exportedHub{}, errPassphrase
	}
	identity.SetMaxWorkFactor(18)
	f, err := os.Open(path)
	if err != nil {
		return exportedHub{}, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > mostExported+mostExported/8 {
		return exportedHub{}, errors.Join(err, errNotExport)
	}
	r, err := age.Decrypt(bufio.NewReader(f), identity)
	var wrong *age.NoIdentityMatchError
	switch {
	case errors.As(err, &wrong):
		return exportedHub{}, errPassphrase
	case err != nil:
		return exportedHub{}, errNotExport
	}
	return readExport(bufio.NewReader(r))
}

func readExport(r *bufio.Reader) (e exportedHub, err error) {
	head := make([]byte, len(exportMagic)+len(e.address.Fingerprint))
	if _, err := io.ReadFull(r, head); err != nil || !bytes.HasPrefix(head, []byte(exportMagic)) {
		return exportedHub{}, errNotExport
	}
	e.address.Fingerprint = wire.Fingerprint(head[len(exportMagic):])
	for total := 0; ; {
		n, err := binary.ReadUvarint(r)
		if errors.Is(err, io.EOF) && e.address.URL != "" {
			return e, nil
		}
		if total += int(min(n, mostExported)) + 1; err != nil || n > wire.MaxRequest || total > mostExported {
			return exportedHub{}, errNotExport
		}
		piece := make([]byte, n)
		if _, err := io.ReadFull(r, piece); err != nil {
			return exportedHub{}, errNotExport
		}
		if e.address.URL != "" {
			e.records = append(e.records, piece)
		} else if e.address.URL, err = wire.CanonicalURL(string(piece)); err != nil {
			return exportedHub{}, errNotExport
		}
	}
}

// exportPath is where a file is that somebody names: below the home folder, or in
// the gateway's data folder if it is a mere name.
func (s *sysop) exportPath(name string) (string, error) {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		home, err := os.UserHomeDir()
		return filepath.Join(home, rest), err
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name), nil
	}
	if strings.ContainsAny(name, `/\`) || name == "." || name == ".." {
		return "", errors.New("a file is a whole path, from / on, or a name without a folder")
	}
	return filepath.Join(s.folder, name), nil
}

// fileTrouble is what is wrong with a file, in words.
func fileTrouble(path string, err error) string {
	switch {
	case errors.Is(err, fs.ErrExist):
		return path + " is there already, and I overwrite nothing. Name another file."
	case errors.Is(err, fs.ErrNotExist):
		return path + " is not there, or its folder is not."
	case errors.Is(err, fs.ErrPermission):
		return "The gateway may not use " + path + "."
	}
	return fmt.Sprintf("%s: %v.", path, err)
}

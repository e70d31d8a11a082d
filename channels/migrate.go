package channels

import (
	"errors"
	"fmt"
	"os"
)

// migrations bring the phonebook from schema n to n+1. One that was released
// is never changed.
var migrations = []string{schema1, schema2, schema3}

// migrate brings the phonebook to the newest schema. An older one that holds
// something is copied beside it first.
func (p *phonebook) migrate() (err error) {
	defer guard(&err)
	version := int(p.number("PRAGMA user_version"))
	if version > len(migrations) {
		return fmt.Errorf("%w (its schema is %d, this one knows %d)", ErrNewerPhonebook, version, len(migrations))
	}
	if version == len(migrations) {
		return nil
	}
	if version > 0 {
		if err := p.copy(fmt.Sprintf("%s.schema%d", p.path, version)); err != nil {
			return fmt.Errorf("copying the phonebook before it is changed: %w", err)
		}
	}
	return p.transaction(func() {
		for ; version < len(migrations); version++ {
			p.script(migrations[version])
		}
		p.script(fmt.Sprintf("PRAGMA user_version = %d", version))
	})
}

// copy writes the phonebook as it is now to a new file, readable by the user
// alone. An earlier copy of that name, of a migration that failed, is kept.
func (p *phonebook) copy(path string) (err error) {
	defer guard(&err)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	p.run("VACUUM INTO ?", part) // takes an existing file only if it is empty
	return os.Rename(part, path)
}

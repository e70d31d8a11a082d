package sim

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// What gateways and hubs keep is looked into here behind their backs: while they
// are not running.

// file is an open database.
type file struct{ db *sql.DB }

// openFile opens a database that nobody else has open.
func openFile(path string) (file, error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: "_pragma=synchronous(OFF)&_pragma=journal_mode(WAL)"}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return file{}, err
	}
	db.SetMaxOpenConns(1)
	return file{db}, nil
}

// rows reads a query's rows: blobs as strings.
func (f file) rows(columns int, query string, args ...any) (all [][]any, err error) {
	rows, err := f.db.Query(query, args...)
	if err != nil {
		return nil, fmt.Errorf("%w in %q", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		row, into := make([]any, columns), make([]any, columns)
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i := range row {
			if b, ok := row[i].([]byte); ok {
				row[i] = string(b)
			}
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// phonebook reads rows of a gateway that does not run.
func (p *person) phonebook(columns int, query string, args ...any) [][]any {
	return p.w.read(filepath.Join(p.dir, "phonebook.db"), columns, query, args...)
}

// data reads rows of a hub, which is closed meanwhile.
func (h *house) read(columns int, query string, args ...any) (rows [][]any) {
	h.w.must(h.hub.Close())
	return h.w.read(filepath.Join(h.data, "hub.db"), columns, query, args...)
}

func (w *World) read(path string, columns int, query string, args ...any) [][]any {
	f, err := openFile(path)
	w.must(err)
	rows, err := f.rows(columns, query, args...)
	w.must(err)
	w.must(f.db.Close())
	return rows
}

// changeData changes a hub's database while the hub is closed.
func changeData(folder, query string, args ...any) error {
	f, err := openFile(filepath.Join(folder, "hub.db"))
	if err != nil {
		return err
	}
	_, err = f.db.Exec(query, args...)
	if closed := f.db.Close(); err == nil {
		err = closed
	}
	return err
}

package store_test

import (
	"path/filepath"
	"testing"

	"hubbub/hub/store"
	"hubbub/hub/store/storetest"
)

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t testing.TB, limits store.Limits) store.Store {
		s, err := store.OpenSQLite(filepath.Join(t.TempDir(), "hub.db"), limits)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// The same with a rollback journal, as on network file systems.
func TestSQLiteWithoutWAL(t *testing.T) {
	storetest.Run(t, func(t testing.TB, limits store.Limits) store.Store {
		s, err := store.OpenWithoutWAL(filepath.Join(t.TempDir(), "hub.db"), limits)
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

package store

import "hubbub/channels/wire"

import "crypto/sha256"

// OpenWithoutWAL makes a database as on a network file system.
func OpenWithoutWAL(path string, limits Limits) (Store, error) {
	return openSQLite(path, limits, false)
}

func idOf(entry []byte) wire.EntryID { return sha256.Sum256(entry) }

package store

// migrations make the schema: the first makes version 1 out of nothing, the
// next 2 out of 1, and so on. PRAGMA user_version says how many have been run.
// What has been released is never changed. Every process parses all of the
// schema, so there is little of it. Times are unix seconds.
var migrations = []string{schema1, schema2, schema3}

const schema1 = `
CREATE TABLE accounts (
	token BLOB PRIMARY KEY,
	key   BLOB NOT NULL UNIQUE,
	owner INTEGER NOT NULL,
	quota INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE channels (
	n       INTEGER PRIMARY KEY,
	channel BLOB NOT NULL UNIQUE,
	account BLOB NOT NULL,
	root    BLOB NOT NULL,
	last    INTEGER NOT NULL DEFAULT 0, -- position given last
	oldest  INTEGER NOT NULL DEFAULT 0, -- no text is before this position
	entries INTEGER NOT NULL DEFAULT 0,
	text    INTEGER NOT NULL DEFAULT 0, -- bytes, with overhead
	keep    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE tokens (
	channel INTEGER NOT NULL,
	token   BLOB NOT NULL,
	parent  BLOB, -- null: nobody is above it
	revoked INTEGER NOT NULL DEFAULT 0,
	acked   INTEGER NOT NULL DEFAULT 0,
	keep    INTEGER NOT NULL DEFAULT 0, -- bytes, with overhead
	PRIMARY KEY (channel, token)
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
	n        INTEGER PRIMARY KEY,
	channel  INTEGER NOT NULL,
	position INTEGER NOT NULL,
	id       BLOB NOT NULL,
	token    BLOB NOT NULL,
	keep     INTEGER NOT NULL, -- 1: class keep
	at       INTEGER NOT NULL,
	bytes    BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_position ON entries (channel, position);
CREATE UNIQUE INDEX entries_id ON entries (channel, id);

CREATE TABLE had ( -- entries that were dropped
	channel  INTEGER NOT NULL,
	id       BLOB NOT NULL,
	position INTEGER NOT NULL,
	until    INTEGER NOT NULL,
	again    INTEGER NOT NULL DEFAULT 0, -- when it was put again
	PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX had_until ON had (until);

CREATE TABLE slots (
	slot      BLOB PRIMARY KEY,
	channel   INTEGER NOT NULL,
	offerer   BLOB NOT NULL, -- token that offered it first
	number    INTEGER NOT NULL,
	invite    BLOB NOT NULL,
	expires   INTEGER NOT NULL,
	blob      BLOB, -- null once the slot is closed, or long expired
	state     INTEGER NOT NULL, -- 0 open, 1 redeemed, 2 withdrawn
	token     BLOB, -- that redeemed it
	joined    BLOB, -- SHA-256 over the entries redeemed with
	positions BLOB  -- of those, 8 bytes each
) STRICT;
CREATE INDEX slots_channel ON slots (channel, state);

CREATE TABLE waited (
	enc   BLOB PRIMARY KEY,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX waited_until ON waited (until);
`

const schema2 = `
CREATE TABLE clock ( -- one row; clock.go says what it means
	seen    INTEGER NOT NULL,
	skipped INTEGER NOT NULL,
	until   INTEGER NOT NULL,
	back    INTEGER NOT NULL,
	count   INTEGER NOT NULL
) STRICT;
INSERT INTO clock VALUES (0, 0, 0, 0, 0);
`

const schema3 = `
-- Guests. One who has claimed is an account with a name.
ALTER TABLE accounts ADD COLUMN name TEXT; -- null: no guest
ALTER TABLE accounts ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN banned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN asked INTEGER NOT NULL DEFAULT 0; -- asked.go says what it means
CREATE UNIQUE INDEX accounts_name ON accounts (name) WHERE name IS NOT NULL;

CREATE TABLE keys ( -- account keys of guests who have not claimed
	key     BLOB PRIMARY KEY,
	name    TEXT NOT NULL UNIQUE,
	quota   INTEGER NOT NULL,
	made    INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	banned  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

ALTER TABLE channels ADD COLUMN quota INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN banned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE channels ADD COLUMN closed INTEGER NOT NULL DEFAULT 0; -- see closing.go
CREATE INDEX channels_account ON channels (account);
CREATE INDEX channels_closed ON channels (closed) WHERE closed > 0;
ALTER TABLE tokens ADD COLUMN banned INTEGER NOT NULL DEFAULT 0;

CREATE TABLE hub ( -- one row
	closes   INTEGER NOT NULL, -- when the hub goes; 0: it does not
	imported BLOB NOT NULL     -- hash of the identity that was imported last
) STRICT;
INSERT INTO hub VALUES (0, x'');

CREATE TABLE staged ( -- records of an import that is not done
	n      INTEGER PRIMARY KEY,
	id     BLOB NOT NULL UNIQUE,
	record BLOB NOT NULL
) STRICT;

CREATE TABLE counts ( -- what the hub has counted since "since"
	name TEXT PRIMARY KEY,
	n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE budgets ( -- budget.go says what they are
	key BLOB PRIMARY KEY,
	tat INTEGER NOT NULL -- unix microseconds
) STRICT, WITHOUT ROWID;
CREATE INDEX slots_expires ON slots (expires) WHERE state = 0 AND blob IS NOT NULL;
`

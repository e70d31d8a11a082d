package channels

// schema1 is the phonebook of hubbub's first version. Keys, ids and hashes are
// blobs; times are nanoseconds since 1970 unless a comment says otherwise.
const schema1 = `
CREATE TABLE settings (
	name  TEXT PRIMARY KEY,
	value ANY
) STRICT, WITHOUT ROWID;

-- Hubs that a channel lives on, or that the user has an account on.
CREATE TABLE hubs (
	id          INTEGER PRIMARY KEY,
	fingerprint BLOB NOT NULL UNIQUE,
	url         TEXT NOT NULL,
	account     BLOB,                       -- seed of the account key; NULL: no account here
	secret      BLOB,                       -- to claim the account with; NULL once it is claimed
	claimed     INTEGER NOT NULL DEFAULT 0,
	owner       INTEGER NOT NULL DEFAULT 0,
	embedded    INTEGER NOT NULL DEFAULT 0,
	up          INTEGER NOT NULL DEFAULT 0, -- its last answer was a good one
	heard       INTEGER NOT NULL DEFAULT 0, -- when that was, as last written down
	trouble     TEXT NOT NULL DEFAULT '',   -- why it is not up
	note        TEXT NOT NULL DEFAULT ''    -- a certificate's fault
) STRICT;

CREATE TABLE channels (
	id          INTEGER PRIMARY KEY,
	name        TEXT COLLATE NOCASE UNIQUE, -- NULL while it is redeemed, and once it was left
	state       TEXT NOT NULL,              -- redeeming, waiting, member, removed, leaving
	channel     BLOB NOT NULL,
	member      BLOB NOT NULL,              -- seed of the member key
	token       BLOB NOT NULL,              -- seed of the token key
	created     INTEGER NOT NULL,
	hidden      INTEGER NOT NULL DEFAULT 0,
	seq         INTEGER NOT NULL DEFAULT 0, -- of one's newest envelope
	head        BLOB NOT NULL DEFAULT x'',  -- its id
	told        TEXT NOT NULL DEFAULT '',   -- what was said last of texts that wait: '', alone, unsent
	spoke       INTEGER NOT NULL DEFAULT 0, -- when one's newest envelope was sealed
	saw         INTEGER NOT NULL DEFAULT 0, -- when one's newest bare receipt was
	rekey       INTEGER NOT NULL DEFAULT 0, -- a new sender key is to be made before anything is sealed
	alarmed     INTEGER NOT NULL DEFAULT 0, -- the user was told that this is a restored copy
	blob        BLOB                        -- waiting: what the invite's blob said, as CBOR
) STRICT;
CREATE INDEX channels_channel ON channels (channel);

-- Where a channel lives, and up to where it was read there.
CREATE TABLE places (
	channel    INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	hub        INTEGER NOT NULL REFERENCES hubs,
	opened     INTEGER NOT NULL DEFAULT 0,   -- 1: one has opened the channel there; -1: the hub has lost it, and will not open it again
	joined     INTEGER NOT NULL DEFAULT 0,   -- one's own token is let in there
	position   INTEGER NOT NULL DEFAULT 0,
	entry      BLOB NOT NULL DEFAULT x'',    -- id of the entry at position
	generation BLOB NOT NULL DEFAULT x'',
	acked      INTEGER NOT NULL DEFAULT 0,
	ack_after  INTEGER NOT NULL DEFAULT 0,   -- when position is acknowledged; 0: it is
	unacked    INTEGER NOT NULL DEFAULT 0,   -- entries since acked
	retry      INTEGER NOT NULL DEFAULT 0,   -- not to be read before
	trouble    TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (channel, hub)
) STRICT, WITHOUT ROWID;

CREATE TABLE operations (
	id      INTEGER PRIMARY KEY,
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	hash    BLOB NOT NULL,
	bytes   BLOB NOT NULL,
	UNIQUE (channel, hash)
) STRICT;

-- What is known of a member beside the roster, oneself excluded.
CREATE TABLE peers (
	channel   INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	member    BLOB NOT NULL,
	nick      TEXT NOT NULL DEFAULT '',   -- as last shown
	seq       INTEGER NOT NULL DEFAULT 0, -- of the newest envelope before which nothing is missing; 0: none yet
	head      BLOB NOT NULL DEFAULT x'',  -- its id
	acted     INTEGER NOT NULL DEFAULT 0, -- seq of the newest that calls for a receipt
	told      INTEGER NOT NULL DEFAULT 0, -- seq of the head in one's own newest seen
	awaited   INTEGER NOT NULL DEFAULT 0, -- seq of the newest that a text of another, shown already, has seen
	delivered INTEGER NOT NULL DEFAULT 0, -- seq of one's own newest that they have
	number    INTEGER NOT NULL DEFAULT -1,-- of their newest prekey
	prekey    BLOB NOT NULL DEFAULT x'',
	shown     INTEGER NOT NULL DEFAULT 0, -- when that prekey was first seen here
	heard     INTEGER NOT NULL DEFAULT 0, -- when the newest envelope of theirs was opened
	gap       INTEGER NOT NULL DEFAULT 0, -- since when something is missing; 0: nothing is
	asked     INTEGER NOT NULL DEFAULT 0, -- how often it was asked for
	PRIMARY KEY (channel, member)
) STRICT, WITHOUT ROWID;

-- One's own sender key.
CREATE TABLE sending (
	channel   INTEGER PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
	key       BLOB NOT NULL,
	chain     BLOB NOT NULL,
	iteration INTEGER NOT NULL,
	began     INTEGER NOT NULL,
	run       INTEGER NOT NULL            -- of the gateway, in which it was made
) STRICT;

-- Who was given one's own sender key.
CREATE TABLE given (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	member  BLOB NOT NULL,
	PRIMARY KEY (channel, member)
) STRICT, WITHOUT ROWID;

-- Others' sender keys.
CREATE TABLE chains (
	channel   INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	sender    BLOB NOT NULL,
	key       BLOB NOT NULL,
	chain     BLOB NOT NULL,
	iteration INTEGER NOT NULL,
	began     INTEGER NOT NULL,
	PRIMARY KEY (channel, key, sender)
) STRICT, WITHOUT ROWID;

CREATE TABLE skipped (
	channel   INTEGER NOT NULL,
	key       BLOB NOT NULL,
	sender    BLOB NOT NULL,
	iteration INTEGER NOT NULL,
	message   BLOB NOT NULL,
	PRIMARY KEY (channel, key, sender, iteration),
	FOREIGN KEY (channel, key, sender) REFERENCES chains ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- One's own prekeys that may still be sealed to.
CREATE TABLE prekeys (
	channel   INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	number    INTEGER NOT NULL,
	seed      BLOB NOT NULL,
	made      INTEGER NOT NULL,
	opened    INTEGER NOT NULL DEFAULT 0, -- when it first opened a box
	envelope  BLOB NOT NULL DEFAULT x'',  -- id of the envelope that publishes it
	seq       INTEGER NOT NULL DEFAULT 0, -- and its seq
	taken     INTEGER NOT NULL DEFAULT 0, -- when a hub took that
	PRIMARY KEY (channel, number)
) STRICT, WITHOUT ROWID;

-- What is held of invites, one's own and others'.
CREATE TABLE invites (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	invite  BLOB NOT NULL,               -- the invite key's public half
	op      BLOB NOT NULL DEFAULT x'',   -- hash of its operation
	slot    BLOB NOT NULL,
	number  INTEGER NOT NULL,            -- of the newest offer
	"join"  BLOB,                        -- join key; NULL once it is of no more use
	prekey  BLOB,                        -- seed of the invite prekey; the same
	refresh BLOB,
	card    BLOB,
	own     INTEGER NOT NULL DEFAULT 0,
	secret  BLOB,                        -- own: until it was shown
	note    TEXT NOT NULL DEFAULT '',
	made    INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	state   TEXT NOT NULL,               -- making, open, used, revoked, expired
	by      BLOB NOT NULL DEFAULT x'',   -- used: the joiner
	ended   INTEGER NOT NULL DEFAULT 0,
	UNIQUE (channel, slot)
) STRICT;

-- One-time keys that were redeemed here.
CREATE TABLE redeemed (
	slot    BLOB PRIMARY KEY,
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	name    TEXT NOT NULL,               -- that the channel is to have
	secret  BLOB,                        -- until the hub has answered
	invite  BLOB NOT NULL,               -- the invite key's public half
	warned  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Texts and what else is not sealed yet, in the order in which it is to be.
CREATE TABLE outbox (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	kind    TEXT NOT NULL,               -- text, op, give, snapshot, prekey, key, seen, need, again
	line    INTEGER,                     -- text: its line
	content BLOB,                        -- what it takes to make the content, by kind
	made    INTEGER NOT NULL
) STRICT;

-- Envelopes and sealed joins, one's own and others'. Their bytes are kept for
-- 30 days, so that others can be given them, their ids for 120.
CREATE TABLE entries (
	id       INTEGER PRIMARY KEY,
	channel  INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	entry    BLOB NOT NULL,              -- its id
	class    TEXT NOT NULL,
	bytes    BLOB,
	state    TEXT NOT NULL,              -- own, opened, join, unopened, void
	key      BLOB,                       -- envelopes: the key id
	boxes    INTEGER NOT NULL DEFAULT 0, -- envelopes: how many it has
	sender   BLOB,
	seq      INTEGER,
	prev     BLOB,
	signed   BLOB,                       -- own texts: body and signature, to be sent again
	received INTEGER NOT NULL,
	UNIQUE (channel, entry)
) STRICT;
CREATE INDEX entries_sender ON entries (channel, sender, seq);
CREATE INDEX entries_unopened ON entries (channel, key) WHERE state = 'unopened';
CREATE INDEX entries_received ON entries (received);

-- Texts that were opened and wait for what comes before them.
CREATE TABLE held (
	entry    INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
	channel  INTEGER NOT NULL,
	sender   BLOB NOT NULL,
	seq      INTEGER NOT NULL,
	body     BLOB NOT NULL,
	since    INTEGER NOT NULL
) STRICT;
CREATE INDEX held_sender ON held (channel, sender, seq);

-- Calls to be made until a hub has answered them, in order for each channel.
CREATE TABLE calls (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	hub     INTEGER NOT NULL REFERENCES hubs,
	channel INTEGER REFERENCES channels ON DELETE CASCADE,
	op      TEXT NOT NULL,
	args    BLOB,                        -- CBOR; NULL for put
	entry   INTEGER REFERENCES entries ON DELETE CASCADE, -- put: what
	again   INTEGER NOT NULL DEFAULT 0,
	about   INTEGER NOT NULL DEFAULT 0,  -- offer: the invite
	made    INTEGER NOT NULL,
	due     INTEGER NOT NULL DEFAULT 0   -- not before
) STRICT;
CREATE INDEX calls_hub ON calls (hub, id);
CREATE INDEX calls_channel ON calls (channel);
CREATE INDEX calls_entry ON calls (entry);

CREATE TABLE timers (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	kind    TEXT NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (channel, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX timers_at ON timers (at);

-- History, numbered over all channels.
CREATE TABLE lines (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	nick    TEXT NOT NULL,
	member  BLOB NOT NULL DEFAULT x'',   -- who said it
	own     INTEGER NOT NULL,
	kind    INTEGER NOT NULL,            -- LineKind
	text    TEXT NOT NULL,
	time    INTEGER NOT NULL,
	late    INTEGER NOT NULL DEFAULT 0,
	sent    INTEGER NOT NULL DEFAULT 1,  -- 0: an own text that no hub has yet
	seq     INTEGER NOT NULL DEFAULT 0   -- own: its envelope's, once it is sealed
) STRICT;
CREATE INDEX lines_channel ON lines (channel, id);
CREATE INDEX lines_unsent ON lines (channel) WHERE sent = 0;

CREATE TABLE marks (
	client TEXT PRIMARY KEY,
	line   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`

// schema2 keeps channels on several hubs.
const schema2 = `
ALTER TABLE hubs ADD COLUMN trusted INTEGER NOT NULL DEFAULT 1; -- its URL is the user's word, or was found right; 0: another member's
ALTER TABLE hubs ADD COLUMN since INTEGER NOT NULL DEFAULT 0;   -- since when it does not answer; 0: it does
ALTER TABLE hubs ADD COLUMN told INTEGER NOT NULL DEFAULT 0;    -- when the user was told of that; 0: not
ALTER TABLE hubs ADD COLUMN rested INTEGER NOT NULL DEFAULT 0;  -- when the user was last told that it is down

ALTER TABLE hubs ADD COLUMN closes INTEGER NOT NULL DEFAULT 0;      -- when it goes, as it says; 0: it does not
ALTER TABLE hubs ADD COLUMN closes_said INTEGER NOT NULL DEFAULT 0; -- what the user was told last of that
ALTER TABLE hubs ADD COLUMN closes_told INTEGER NOT NULL DEFAULT 0; -- and when
ALTER TABLE hubs ADD COLUMN reminded INTEGER NOT NULL DEFAULT 0;    -- he was told again, shortly before
ALTER TABLE hubs ADD COLUMN empty INTEGER NOT NULL DEFAULT 0;       -- it is to become another one: nothing is put there
ALTER TABLE hubs ADD COLUMN moving TEXT NOT NULL DEFAULT '';        -- where it will be asked, once the others know; empty: it stays
ALTER TABLE hubs ADD COLUMN moving_since INTEGER NOT NULL DEFAULT 0;

-- Where a hub may be reached otherwise, as members have said.
CREATE TABLE locations (
	hub INTEGER NOT NULL REFERENCES hubs ON DELETE CASCADE,
	url TEXT NOT NULL,
	at  INTEGER NOT NULL, -- when that was heard; of what was heard at once the newest is the latest
	PRIMARY KEY (hub, url)
) STRICT, WITHOUT ROWID;

ALTER TABLE places ADD COLUMN entered INTEGER NOT NULL DEFAULT 0;  -- one's own token was let in there, as far as is known
ALTER TABLE places ADD COLUMN standing INTEGER NOT NULL DEFAULT 0; -- Standing: Good, Full, Lost, PutOut, Odd
ALTER TABLE places ADD COLUMN told INTEGER NOT NULL DEFAULT 0;     -- the standing that the user was told of last
ALTER TABLE places ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;    -- refusals in a row
ALTER TABLE places ADD COLUMN later INTEGER NOT NULL DEFAULT 0;    -- calls that keep an order are not made before
ALTER TABLE places ADD COLUMN carry INTEGER NOT NULL DEFAULT 0;    -- others' entries are not put there before
ALTER TABLE places ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;     -- when it was found to have lost something
ALTER TABLE places ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;   -- how often, since it last had not for a day
ALTER TABLE places ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;  -- since when the channel is not kept there any more
ALTER TABLE places ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;  -- what the hub said of itself
ALTER TABLE places ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE places ADD COLUMN quota INTEGER NOT NULL DEFAULT 0;
ALTER TABLE places ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;  -- and when
ALTER TABLE places ADD COLUMN rubbish INTEGER NOT NULL DEFAULT 0;  -- entries that came first from there and are none
ALTER TABLE places ADD COLUMN closing INTEGER NOT NULL DEFAULT 0;  -- since when a hub that was dropped is asked to close the channel; 0: it is not
UPDATE places SET entered = joined;
CREATE INDEX places_hub ON places (hub);

-- Own hubs on which a channel is not to be kept by itself, and why.
CREATE TABLE unmirrored (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	hub     INTEGER NOT NULL REFERENCES hubs ON DELETE CASCADE,
	why     TEXT NOT NULL,  -- dropped, asked, refused, closes
	PRIMARY KEY (channel, hub)
) STRICT, WITHOUT ROWID;

-- Tokens that one has had a hub let in, or put out.
CREATE TABLE admitted (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	hub     INTEGER NOT NULL REFERENCES hubs ON DELETE CASCADE,
	token   BLOB NOT NULL,
	state   TEXT NOT NULL,  -- granted, leaves, revoked
	at      INTEGER NOT NULL DEFAULT 0, -- leaves: since when
	PRIMARY KEY (channel, hub, token)
) STRICT, WITHOUT ROWID;

ALTER TABLE calls ADD COLUMN carry INTEGER NOT NULL DEFAULT 0; -- put: of an entry that another hub has; keeps no order
DROP INDEX calls_hub;
CREATE INDEX calls_place ON calls (hub, channel, carry, id);
CREATE INDEX calls_due ON calls (hub, due) WHERE due > 0;
CREATE INDEX calls_door ON calls (hub, channel) WHERE op IN ('open', 'redeem'); -- what lets one in

-- Which operations a member said last to have.
CREATE TABLE fingerprints (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	member  BLOB NOT NULL,
	seq     INTEGER NOT NULL,             -- of the envelope that says so
	count   INTEGER NOT NULL,
	hash    BLOB NOT NULL,
	head    BLOB NOT NULL DEFAULT x'',    -- one that he has named and that was not here
	since   INTEGER NOT NULL DEFAULT 0,   -- since when they are other than one's own; 0: they are not, as far as is known
	heard   INTEGER NOT NULL DEFAULT 0,   -- when he has shown them last
	told    INTEGER NOT NULL DEFAULT 0,   -- the user was told that they differ
	PRIMARY KEY (channel, member)
) STRICT, WITHOUT ROWID;

-- Seeds of the invite prekeys of open invites that were renewed since, or by two
-- at once: who has peeked before seals to them.
CREATE TABLE invite_seeds (
	invite INTEGER NOT NULL REFERENCES invites ON DELETE CASCADE,
	seed   BLOB NOT NULL,
	PRIMARY KEY (invite, seed)
) STRICT, WITHOUT ROWID;

-- How often was asked for the operations of a fingerprint.
CREATE TABLE ops_asked (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	count   INTEGER NOT NULL,
	hash    BLOB NOT NULL,
	asked   INTEGER NOT NULL,
	at      INTEGER NOT NULL,             -- when last
	have    INTEGER NOT NULL,             -- how many were here then
	PRIMARY KEY (channel, count, hash)
) STRICT, WITHOUT ROWID;

-- Members who have asked for operations.
CREATE TABLE ops_wanted (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	member  BLOB NOT NULL,
	known   BLOB NOT NULL,                -- what they have, and all below: hashes, one behind the other
	given   BLOB NOT NULL DEFAULT x'',    -- what others have told since, the same
	due     INTEGER NOT NULL,             -- when they are given the rest; 0: nothing is to be given
	last    INTEGER NOT NULL DEFAULT 0,   -- when they were given something from here
	PRIMARY KEY (channel, member)
) STRICT, WITHOUT ROWID;

ALTER TABLE peers ADD COLUMN missing INTEGER NOT NULL DEFAULT 0; -- envelopes of which the user was told that they are missing
ALTER TABLE peers ADD COLUMN upto INTEGER NOT NULL DEFAULT 0;    -- the seq behind the last of them
ALTER TABLE peers ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;    -- how many of them were given up
ALTER TABLE peers ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;    -- when it was learned that they left or were removed, of one who was shown here
ALTER TABLE peers ADD COLUMN verified INTEGER NOT NULL DEFAULT 0; -- when the user noted that he has compared their key; 0: not

-- What was asked for in others' chains: ids of envelopes, and of sender keys;
-- empty: when the hubs were read again for it.
CREATE TABLE missed (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	what    BLOB NOT NULL,
	asked   INTEGER NOT NULL,
	at      INTEGER NOT NULL,             -- when last
	PRIMARY KEY (channel, what)
) STRICT, WITHOUT ROWID;

-- When the user was last told of a standing that a channel has on a hub.
CREATE TABLE standings_told (
	channel  INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	hub      INTEGER NOT NULL REFERENCES hubs ON DELETE CASCADE,
	standing INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	PRIMARY KEY (channel, hub, standing)
) STRICT, WITHOUT ROWID;

-- When the user was last told of a hub at a private address that a member has named.
CREATE TABLE private_told (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	member  BLOB NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (channel, member)
) STRICT, WITHOUT ROWID;

ALTER TABLE peers ADD COLUMN proof BLOB NOT NULL DEFAULT x''; -- CBOR of a session.Shown: their newest prekey, as they signed it

-- Those who came by a one-time key, and are to be told all if nobody else does.
CREATE TABLE newcomers (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	member  BLOB NOT NULL,
	due     INTEGER NOT NULL,             -- when; 0: once he is not suspended any more
	ops     INTEGER NOT NULL,             -- how many operations there were when he came
	PRIMARY KEY (channel, member)
) STRICT, WITHOUT ROWID;

-- Rescue keys that are being made.
CREATE TABLE rescues (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE,
	hub     INTEGER NOT NULL REFERENCES hubs,
	member  BLOB NOT NULL,                -- whom it is for
	secret  BLOB NOT NULL,
	expires INTEGER NOT NULL,
	offered INTEGER NOT NULL DEFAULT 0,   -- the hub is asked to keep its slot
	taken   INTEGER NOT NULL DEFAULT 0    -- it does
) STRICT;

-- Lines that a member has shared: whom he quotes, and when that was said, in his words.
ALTER TABLE lines ADD COLUMN quoted TEXT NOT NULL DEFAULT '';    -- empty: it is no such line
ALTER TABLE lines ADD COLUMN said INTEGER NOT NULL DEFAULT 0;

ALTER TABLE peers ADD COLUMN since INTEGER NOT NULL DEFAULT 0; -- one's own seq when he became a member: what is up to it was not for him

-- Members of a channel who are to be invited to another one, founded to leave it.
CREATE TABLE forking (
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE, -- the old one
	fork    INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE, -- the new one
	member  BLOB NOT NULL,                -- of the old one
	invite  INTEGER NOT NULL DEFAULT 0,   -- his, by its row
	key     TEXT NOT NULL DEFAULT '',     -- his one-time key, once a hub has it, until it is sealed
	expires INTEGER NOT NULL DEFAULT 0,   -- and when it does
	PRIMARY KEY (channel, fork, member)
) STRICT, WITHOUT ROWID;

-- Such invitations of others to the user.
CREATE TABLE forks (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	channel TEXT NOT NULL,                -- in which it was made: that may be left before
	nick    TEXT NOT NULL,                -- of who has made it
	member  BLOB NOT NULL,                -- his id
	name    TEXT NOT NULL,                -- that the new channel is to have here
	key     TEXT NOT NULL,
	private INTEGER NOT NULL,             -- it may lead to a private place
	made    INTEGER NOT NULL,
	expires INTEGER NOT NULL
) STRICT;

-- Rescue keys that were taken here.
CREATE TABLE rescued (
	slot    BLOB PRIMARY KEY,
	channel INTEGER NOT NULL REFERENCES channels ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
`

// schema3 knows from which hub an entry came, so that one that opens late is carried
// to the others.
const schema3 = `
ALTER TABLE entries ADD COLUMN hub INTEGER NOT NULL DEFAULT 0; -- where it was read first; 0: nowhere, or that is not known
`

-- SPDX-License-Identifier: Apache-2.0
-- One schema for both drivers. Numbers are UTC seconds unless the name says _ms; empty never means "any".
-- A moment is (boot_id, boot_ms, real_s): see clock.h.

CREATE TABLE meta (
	key   TEXT PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
	id           INTEGER PRIMARY KEY,
	login        TEXT    NOT NULL CHECK (length(login) BETWEEN 1 AND 32),
	uid          INTEGER NOT NULL CHECK (uid >= 0),
	staff_number TEXT    CHECK (length(staff_number) BETWEEN 1 AND 32),
	name         TEXT    CHECK (length(name) BETWEEN 1 AND 64),
	section      TEXT    CHECK (length(section) BETWEEN 1 AND 64),
	state        TEXT    NOT NULL CHECK (state IN ('active', 'locked', 'removed')),
	class        TEXT    CHECK (length(class) BETWEEN 1 AND 32),      -- assigned by an administrator
	last_class   TEXT    CHECK (length(last_class) BETWEEN 1 AND 32), -- last one a working group source gave
	language     TEXT    CHECK (language IN ('ja', 'en')),
	created_at   INTEGER NOT NULL,
	changed_at   INTEGER NOT NULL
) STRICT;
-- Removed people keep their row for the log; name and uid can be given again.
CREATE UNIQUE INDEX person_login ON person (login) WHERE state <> 'removed';
CREATE UNIQUE INDEX person_uid   ON person (uid)   WHERE state <> 'removed';
CREATE UNIQUE INDEX person_staff ON person (staff_number) WHERE state <> 'removed' AND staff_number IS NOT NULL;

CREATE TABLE card (
	id          INTEGER PRIMARY KEY,
	card_id     TEXT    NOT NULL UNIQUE CHECK (length(card_id) = 9),
	person      INTEGER NOT NULL REFERENCES person (id),
	label       TEXT    CHECK (length(label) BETWEEN 1 AND 64),
	app         TEXT    NOT NULL CHECK (app IN ('piv')),
	key_ref     INTEGER NOT NULL CHECK (key_ref BETWEEN 1 AND 255),   -- PIV key reference, 0x9A
	algorithm   TEXT    NOT NULL CHECK (algorithm IN ('rsa2048', 'rsa3072', 'rsa4096', 'p256', 'p384')),
	spki        BLOB    NOT NULL CHECK (length(spki) BETWEEN 32 AND 1024),
	spki_sha256 BLOB    NOT NULL UNIQUE CHECK (length(spki_sha256) = 32),
	guid        BLOB    CHECK (length(guid) = 16),                    -- CHUID GUID: recognition only, never trust
	pin_proved  INTEGER NOT NULL CHECK (pin_proved IN (0, 1)),        -- 1: seen to refuse signing without PIN
	state       TEXT    NOT NULL CHECK (state IN ('issued', 'active', 'suspended', 'revoked', 'found', 'collected', 'destroyed')),
	reason      TEXT    CHECK (reason IN ('lost', 'stolen', 'damaged', 'defrauded', 'replaced', 'retired', 'transferred')),
	not_after   INTEGER,
	enrolled_at INTEGER NOT NULL,
	changed_at  INTEGER NOT NULL,
	revoked_at  INTEGER,
	reported_at INTEGER,
	reported_by TEXT    CHECK (length(reported_by) BETWEEN 1 AND 128),
	last_used_at INTEGER,
	CHECK ((state IN ('issued', 'active', 'suspended')) = (revoked_at IS NULL))
) STRICT;
-- Whatever the program believes: a revoked card never comes back.
CREATE TRIGGER card_no_return BEFORE UPDATE ON card WHEN OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL
BEGIN SELECT RAISE(ABORT, 'a revoked card stays revoked'); END;
CREATE INDEX card_person ON card (person);
CREATE INDEX card_guid   ON card (guid);

CREATE TABLE totp (
	person     INTEGER PRIMARY KEY REFERENCES person (id),
	key_id     TEXT    NOT NULL,
	sealed     BLOB    NOT NULL CHECK (length(sealed) BETWEEN 28 AND 128),  -- 12 IV, ciphertext, 16 tag
	algorithm  TEXT    NOT NULL CHECK (algorithm IN ('sha1', 'sha256', 'sha512')),
	digits     INTEGER NOT NULL CHECK (digits BETWEEN 6 AND 8),
	period     INTEGER NOT NULL CHECK (period BETWEEN 15 AND 120),
	last_step  INTEGER NOT NULL CHECK (last_step >= 0),  -- highest step ever accepted
	created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE password (
	person      INTEGER PRIMARY KEY REFERENCES person (id),
	key_id      TEXT    NOT NULL,
	hash        TEXT    NOT NULL CHECK (length(hash) BETWEEN 32 AND 512),
	set_at      INTEGER NOT NULL
) STRICT;

-- Failures that count. person 0: a remote address across names. origin: 'local', 'remote', 'uid:N', 'addr:TEXT'.
CREATE TABLE bucket (
	person  INTEGER NOT NULL CHECK (person >= 0),
	origin  TEXT    NOT NULL CHECK (length(origin) BETWEEN 1 AND 80),
	failed  INTEGER NOT NULL CHECK (failed >= 0),
	boot_id TEXT    NOT NULL,       -- moment of the last failure
	boot_ms INTEGER NOT NULL,
	real_s  INTEGER NOT NULL,
	PRIMARY KEY (person, origin)
) STRICT, WITHOUT ROWID;

-- Tries reserved before a verifier runs. A row whose process is gone is a failure.
CREATE TABLE try (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	person  INTEGER NOT NULL CHECK (person >= 0),
	origin  TEXT    NOT NULL CHECK (length(origin) BETWEEN 1 AND 80),
	address TEXT    CHECK (length(address) BETWEEN 1 AND 64),
	pid     INTEGER NOT NULL,       -- the worker's, with its start time
	start   INTEGER NOT NULL,
	boot_id TEXT    NOT NULL,
	boot_ms INTEGER NOT NULL,
	real_s  INTEGER NOT NULL
) STRICT;
CREATE INDEX try_bucket ON try (person, origin);

CREATE TABLE login_stat (
	person          INTEGER PRIMARY KEY REFERENCES person (id),
	last_at         INTEGER,        -- last success
	last_from       TEXT CHECK (length(last_from) BETWEEN 1 AND 64),
	failures        INTEGER NOT NULL CHECK (failures >= 0),  -- since then
	failure_at      INTEGER,
	failure_from    TEXT CHECK (length(failure_from) BETWEEN 1 AND 64)
) STRICT;

-- Failures of nobody in particular, added up: a flood fills nothing.
CREATE TABLE unproved (
	minute  INTEGER NOT NULL,
	origin  TEXT    NOT NULL CHECK (length(origin) BETWEEN 1 AND 80),
	failed  INTEGER NOT NULL,
	address TEXT    CHECK (length(address) BETWEEN 1 AND 64),  -- the last one
	PRIMARY KEY (minute, origin)
) STRICT, WITHOUT ROWID;

CREATE TABLE login_grant (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	person         INTEGER NOT NULL REFERENCES person (id),
	card           INTEGER REFERENCES card (id),
	factors        TEXT    NOT NULL CHECK (length(factors) BETWEEN 1 AND 128),
	class          TEXT    NOT NULL CHECK (length(class) BETWEEN 1 AND 32),
	service        TEXT    NOT NULL CHECK (length(service) BETWEEN 1 AND 64),
	origin         TEXT    NOT NULL CHECK (length(origin) BETWEEN 1 AND 80),
	uid            INTEGER NOT NULL,       -- real uid of the host process
	boot_id        TEXT    NOT NULL,
	boot_ms        INTEGER NOT NULL,
	real_s         INTEGER NOT NULL,
	audit_session  INTEGER NOT NULL,       -- 4294967295: none
	logind_session TEXT    CHECK (length(logind_session) BETWEEN 1 AND 64),
	host_pid       INTEGER NOT NULL,
	host_start     INTEGER NOT NULL,       -- /proc/PID/stat field 22, clock ticks
	parent_pid     INTEGER NOT NULL,       -- of the host process; 0: unknown
	parent_start   INTEGER NOT NULL,
	through_root   INTEGER NOT NULL CHECK (through_root IN (0, 1)),  -- the host connected as uid 0
	withdrawn      INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),     -- its host asked anew
	used_at        INTEGER                 -- the session it opened
) STRICT;
CREATE INDEX login_grant_host ON login_grant (host_pid, host_start);
CREATE INDEX login_grant_parent ON login_grant (parent_pid, parent_start);
CREATE INDEX login_grant_logind ON login_grant (logind_session) WHERE logind_session IS NOT NULL;

CREATE TABLE session (
	id             INTEGER PRIMARY KEY AUTOINCREMENT,
	person         INTEGER NOT NULL REFERENCES person (id),
	card           INTEGER REFERENCES card (id),
	login_grant    INTEGER REFERENCES login_grant (id),
	service        TEXT    NOT NULL CHECK (length(service) BETWEEN 1 AND 64),
	tty            TEXT    CHECK (length(tty) BETWEEN 1 AND 64),
	address        TEXT    CHECK (length(address) BETWEEN 1 AND 64),
	boot_id        TEXT    NOT NULL,
	boot_ms        INTEGER NOT NULL,
	real_s         INTEGER NOT NULL,
	host_pid       INTEGER NOT NULL,
	host_start     INTEGER NOT NULL,
	logind_session TEXT    CHECK (length(logind_session) BETWEEN 1 AND 64),
	state          TEXT    NOT NULL CHECK (state IN ('pending', 'open', 'closed')),
	closed_at      INTEGER,
	CHECK ((state <> 'closed') = (closed_at IS NULL))
) STRICT;
CREATE INDEX session_host  ON session (host_pid, host_start);
-- Each sudo within a login session has a row of that session too: only its login's are read.
CREATE INDEX session_logind ON session (logind_session, boot_id, service) WHERE logind_session IS NOT NULL;
CREATE INDEX session_state ON session (state) WHERE state <> 'closed';

CREATE TABLE event (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	at      INTEGER NOT NULL,
	type    TEXT    NOT NULL CHECK (length(type) BETWEEN 1 AND 48),
	result  TEXT    NOT NULL CHECK (length(result) BETWEEN 1 AND 32),  -- err_name()
	person  TEXT    CHECK (length(person) BETWEEN 1 AND 32),           -- login, only of registered people
	card    TEXT    CHECK (length(card) = 9),
	actor   INTEGER,                                                   -- uid; NULL: the system
	service TEXT    CHECK (length(service) BETWEEN 1 AND 64),
	origin  TEXT    CHECK (length(origin) BETWEEN 1 AND 80),
	address TEXT    CHECK (length(address) BETWEEN 1 AND 64),
	detail  TEXT    NOT NULL CHECK (length(detail) BETWEEN 2 AND 2048) -- JSON object
) STRICT;
CREATE INDEX event_person ON event (person);
CREATE INDEX event_at     ON event (at);
CREATE INDEX event_card   ON event (card, at) WHERE card IS NOT NULL;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

-- Groups that once resolved: one that vanishes means that its source failed.
CREATE TABLE known_group (
	name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

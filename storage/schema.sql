-- Version 1 of the journal. Times are milliseconds since 1970 UTC; sizes are bytes.

CREATE TABLE uploads (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    submitter  TEXT NOT NULL,
    length     INTEGER NOT NULL CHECK (length >= 0),
    offset     INTEGER NOT NULL CHECK (offset BETWEEN 0 AND length),
    metadata   TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'sealed', 'terminated', 'expired')),
    created_at INTEGER NOT NULL,
    touched_at INTEGER,
    ended_at   INTEGER,
    sha256     TEXT NOT NULL CHECK (state <> 'sealed' OR (length(sha256) = 64 AND offset = length)),
    key        TEXT NOT NULL
) STRICT;

CREATE INDEX uploads_idle ON uploads (ifnull(touched_at, created_at)) WHERE state = 'open';
-- One creation per sender's key; an ended one frees its key.
CREATE UNIQUE INDEX uploads_key ON uploads (submitter, key)
    WHERE key <> '' AND state IN ('open', 'sealed');
CREATE INDEX uploads_of_submitter ON uploads (submitter, seq);

CREATE TABLE deliveries (
    seq           INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    upload        TEXT NOT NULL REFERENCES uploads (id),
    destination   TEXT NOT NULL,
    submitter     TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN
        ('queued', 'active', 'deferred', 'verify', 'parked', 'delivered', 'skipped')),
    due_at        INTEGER NOT NULL,
    queued_at     INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    trouble_since INTEGER,
    doubtful      INTEGER NOT NULL,
    checkpoint    TEXT NOT NULL,
    locator       TEXT NOT NULL,
    reason        TEXT NOT NULL,
    ended_at      INTEGER
) STRICT;

-- The one question of every lane: what is due, of whom, at this destination.
CREATE INDEX deliveries_due ON deliveries (destination, submitter, due_at)
    WHERE state IN ('queued', 'active', 'deferred', 'verify');
-- The one question of every operator: since when is something owed.
CREATE INDEX deliveries_owed ON deliveries (destination, queued_at)
    WHERE state NOT IN ('delivered', 'skipped');

-- Append-only: a row is there before the first byte of the attempt leaves.
CREATE TABLE attempts (
    delivery   TEXT NOT NULL,
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    outcome    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE destinations (
    name         TEXT PRIMARY KEY,
    paused       INTEGER NOT NULL DEFAULT 0,
    probe_wanted INTEGER NOT NULL DEFAULT 0,
    health       TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    role       TEXT NOT NULL,
    submitter  TEXT NOT NULL,
    digest     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

-- Counts kept by triggers, so that a census of millions of rows costs a handful of reads.
-- `bytes` is what an open upload has still to bring, and the whole length of any other.
CREATE TABLE tallies (
    what  TEXT NOT NULL,
    state TEXT NOT NULL,
    rows  INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (what, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER uploads_counted_in AFTER INSERT ON uploads BEGIN
    INSERT INTO tallies VALUES ('upload', new.state, 1,
        iif(new.state = 'open', new.length - new.offset, new.length))
    ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER uploads_counted_over AFTER UPDATE OF state, offset ON uploads BEGIN
    UPDATE tallies SET rows = rows - 1,
        bytes = bytes - iif(old.state = 'open', old.length - old.offset, old.length)
    WHERE what = 'upload' AND state = old.state;
    INSERT INTO tallies VALUES ('upload', new.state, 1,
        iif(new.state = 'open', new.length - new.offset, new.length))
    ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER deliveries_counted_in AFTER INSERT ON deliveries BEGIN
    INSERT INTO tallies VALUES (new.destination, new.state, 1, 0)
    ON CONFLICT DO UPDATE SET rows = rows + 1;
END;

CREATE TRIGGER deliveries_counted_over AFTER UPDATE OF state ON deliveries
WHEN old.state <> new.state BEGIN
    UPDATE tallies SET rows = rows - 1 WHERE what = old.destination AND state = old.state;
    INSERT INTO tallies VALUES (new.destination, new.state, 1, 0)
    ON CONFLICT DO UPDATE SET rows = rows + 1;
END;

-- Version 1 of the journal. Times are milliseconds since 1970 UTC; sizes are bytes.

CREATE TABLE uploads (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    submitter  TEXT NOT NULL,
    length     INTEGER CHECK (length >= 0),
    offset     INTEGER NOT NULL CHECK (offset >= 0 AND offset <= ifnull(length, offset)),
    metadata   TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'sealed', 'terminated', 'expired')),
    created_at INTEGER NOT NULL,
    touched_at INTEGER,
    ended_at   INTEGER,
    sha256     TEXT NOT NULL CHECK (state <> 'sealed' OR (length(sha256) = 64 AND offset IS length)),
    key        TEXT NOT NULL,
    freed_at   INTEGER CHECK (freed_at IS NULL OR state = 'sealed'),
    damaged_at INTEGER CHECK (damaged_at IS NULL OR state = 'sealed'),
    repairs    INTEGER NOT NULL DEFAULT 0,
    concat     TEXT NOT NULL DEFAULT '',
    expected   TEXT NOT NULL DEFAULT '',
    secret     TEXT NOT NULL DEFAULT '',
    read_at    INTEGER
) STRICT;

-- What an upload is joined from, in order; the same part may be there twice.
CREATE TABLE parts (
    final    TEXT NOT NULL REFERENCES uploads (id),
    position INTEGER NOT NULL,
    part     TEXT NOT NULL REFERENCES uploads (id),
    PRIMARY KEY (final, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX parts_used ON parts (part);
-- Few at any time: what a start has still to join.
CREATE INDEX uploads_unjoined ON uploads (id) WHERE state = 'open' AND concat LIKE 'final%';

-- The janitor's: parts of what is joined are of no more use.
CREATE INDEX uploads_parts ON uploads (ifnull(touched_at, created_at))
    WHERE state = 'open' AND concat = 'partial';

CREATE INDEX uploads_idle ON uploads (ifnull(touched_at, created_at)) WHERE state = 'open';
-- One creation per sender's key; an ended one frees its key.
CREATE UNIQUE INDEX uploads_key ON uploads (submitter, key)
    WHERE key <> '' AND state IN ('open', 'sealed');
-- How many unfinished ones a submitter has: asked before another begins.
CREATE INDEX uploads_unfinished ON uploads (submitter) WHERE state = 'open';
CREATE INDEX uploads_of_submitter ON uploads (submitter, seq);
-- The janitor's walk: sealed uploads whose bytes are still here, the longest kept first.
CREATE INDEX uploads_kept ON uploads (ended_at) WHERE state = 'sealed' AND freed_at IS NULL;

-- The scrub's walk: sealed bytes that are here and not known to be damaged, the longest unread
-- first; a seal counts as a reading.
CREATE INDEX uploads_unread ON uploads (ifnull(read_at, ended_at))
    WHERE state = 'sealed' AND freed_at IS NULL AND damaged_at IS NULL;
CREATE INDEX uploads_damaged ON uploads (id) WHERE damaged_at IS NOT NULL;

-- Few at any time: whole, but their senders never said so.
CREATE INDEX uploads_unclosed ON uploads (id)
    WHERE state = 'open' AND offset = length AND concat = '';

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
    ended_at      INTEGER,
    restored      INTEGER NOT NULL
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

-- One row: when Titip last ran, and until when nothing is removed for its age.
CREATE TABLE clock (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    seen_at      INTEGER NOT NULL,
    spared_until INTEGER NOT NULL
) STRICT;

-- Nothing of these submitters is removed, whatever its age.
CREATE TABLE holds (
    submitter TEXT PRIMARY KEY,
    since     INTEGER NOT NULL,
    reason    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Counts kept by triggers, so that a census of millions of rows costs a handful of reads.
-- `bytes` is what an open upload has still to bring, and the whole length of any other.
-- `freed` counts the sealed ones, among all sealed ones, whose bytes are no longer here.
CREATE TABLE tallies (
    what  TEXT NOT NULL,
    state TEXT NOT NULL,
    rows  INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (what, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER uploads_counted_in AFTER INSERT ON uploads BEGIN
    INSERT INTO tallies VALUES ('upload', new.state, 1,
        iif(new.state = 'open', ifnull(new.length, new.offset) - new.offset, ifnull(new.length, 0)))
    ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER uploads_counted_over AFTER UPDATE OF state, offset, length ON uploads BEGIN
    UPDATE tallies SET rows = rows - 1,
        bytes = bytes - iif(old.state = 'open', ifnull(old.length, old.offset) - old.offset, ifnull(old.length, 0))
    WHERE what = 'upload' AND state = old.state;
    INSERT INTO tallies VALUES ('upload', new.state, 1,
        iif(new.state = 'open', ifnull(new.length, new.offset) - new.offset, ifnull(new.length, 0)))
    ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER uploads_counted_freed AFTER UPDATE OF freed_at ON uploads
WHEN old.freed_at IS NULL AND new.freed_at IS NOT NULL BEGIN
    INSERT INTO tallies VALUES ('freed', new.state, 1, new.length)
    ON CONFLICT DO UPDATE SET rows = rows + 1, bytes = bytes + excluded.bytes;
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

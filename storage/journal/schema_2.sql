-- Version 2: what a delivery is believed for, and what is not known of one that was sent.

-- doubtful: 0 no, 1 unheard, 2 answered. The others: since when, and until when "it is not there"
-- is no word yet; how often a look-up found that it was not.
ALTER TABLE deliveries ADD COLUMN doubt_since INTEGER;
ALTER TABLE deliveries ADD COLUMN settles_at INTEGER;
ALTER TABLE deliveries ADD COLUMN absences INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN evidence TEXT NOT NULL DEFAULT ''
    CHECK (evidence IN ('', 'status', 'reference', 'person', 'digest'));
-- The destination's own words: for operators alone.
ALTER TABLE deliveries ADD COLUMN detail TEXT NOT NULL DEFAULT '';

-- Every mirror's copy was compared with its digest. A registry's answer was believed without a
-- reference, too: those have no evidence, and their bytes are kept from now on.
UPDATE deliveries SET evidence = 'digest' WHERE state = 'delivered' AND destination = 'mirror';
UPDATE deliveries SET evidence = 'reference'
    WHERE state = 'delivered' AND destination = 'registry' AND locator <> '';

-- An acceptance that no look-up has confirmed yet may be there.
UPDATE deliveries SET doubtful = 2 WHERE destination = 'registry' AND checkpoint LIKE '{"reference"%';

-- Few at any time, or none: what an operator should look at.
CREATE INDEX deliveries_doubted ON deliveries (destination, state)
    WHERE doubtful <> 0 AND state NOT IN ('delivered', 'skipped');
CREATE INDEX deliveries_unproven ON deliveries (destination)
    WHERE state = 'delivered' AND evidence IN ('', 'status');

-- Who waits since many files in a row were refused alike, and which files that parked.
ALTER TABLE destinations ADD COLUMN brakes TEXT NOT NULL DEFAULT '';
-- Where it was last: what may have arrived there is not looked for elsewhere.
ALTER TABLE destinations ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN refused_run TEXT NOT NULL DEFAULT '';
CREATE INDEX deliveries_refused ON deliveries (refused_run) WHERE state = 'parked' AND refused_run <> '';

-- What was done to a delivery beside its attempts.
CREATE TABLE delivery_events (
    seq      INTEGER PRIMARY KEY,
    delivery TEXT NOT NULL,
    at       INTEGER NOT NULL,
    event    TEXT NOT NULL,
    reason   TEXT NOT NULL
) STRICT;
CREATE INDEX delivery_events_of ON delivery_events (delivery, seq);

-- Version 3: columns are named like the fields that they keep, and what a delivery was parked for is
-- a column of its own.

ALTER TABLE uploads RENAME COLUMN expected TO expected_sha256;
ALTER TABLE uploads RENAME COLUMN secret TO secret_digest;
ALTER TABLE deliveries RENAME COLUMN doubtful TO maybe_delivered;
ALTER TABLE deliveries RENAME COLUMN restored TO from_backup;
ALTER TABLE clock RENAME COLUMN spared_until TO no_removal_before;

ALTER TABLE deliveries ADD COLUMN parked_for TEXT NOT NULL DEFAULT ''
    CHECK (parked_for IN ('', 'rejected', 'damaged', 'moved'));
DROP INDEX deliveries_doubted;
CREATE INDEX deliveries_doubted ON deliveries (destination, state, parked_for)
    WHERE maybe_delivered <> 0 AND state NOT IN ('delivered', 'skipped');
UPDATE deliveries SET parked_for = iif(reason GLOB 'damaged: *', 'damaged', 'rejected')
    WHERE state = 'parked';

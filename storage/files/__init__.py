"""The disk: files of the spool, synced and checked."""

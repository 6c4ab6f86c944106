"""Work beside the deliveries: retention, and reading the spool again."""

"""One request body into one deposit."""

"""The database that says which bytes count."""

"""Rules and pure functions, one module at a time."""

"""A folder as the mirror."""

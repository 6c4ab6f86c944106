"""A registry that takes tus uploads."""

"""A registry that takes each file in one HTTP request."""

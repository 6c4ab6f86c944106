"""Connections to destinations, bounded in size and time, to the configured host alone."""

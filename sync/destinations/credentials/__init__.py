"""Secrets that are sent, and where they are read from."""

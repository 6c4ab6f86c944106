"""Titip from outside: its commands, its HTTP, and servers that answer as nobody should."""

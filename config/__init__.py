"""Arranges: settings, the command line, and the only place where the rooms are joined."""

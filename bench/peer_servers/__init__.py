"""Launchers of the peers, each a program of its own in the peers' environment."""

"""Torture: many senders, a server that is killed and frozen, and a checker that forgets nothing."""

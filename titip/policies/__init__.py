"""Decisions as pure functions and values: whose turn it is, what is owed, what is held back."""

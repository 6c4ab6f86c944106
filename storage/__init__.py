"""Keeps: the spool that holds the bytes and the journal that holds the truth about them."""

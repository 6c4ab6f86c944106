"""Texts that come from somebody else, made fit to keep and to show."""

from __future__ import annotations


def storable(text: str) -> str:
    """Give the text with what no UTF-8 can hold (halves of a surrogate pair) as question marks."""
    return text.encode("utf-8", "replace").decode()


def plain(text: str, *, most: int) -> str:
    """Give the text on one line without control characters, cut to `most` characters."""
    shown = "".join(c if c.isprintable() else " " for c in storable(text[: 4 * most]))
    line = " ".join(shown.split())
    return line if len(line) <= most else line[: most - 1] + "…"

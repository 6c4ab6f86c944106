"""Texts made fit to keep and to show: somebody else's, numbers and amounts."""

from __future__ import annotations

import re
from typing import Final

_UNFILLED: Final = re.compile(r"\A~|\$\{+\w+\}|(?:\A|/)\$[A-Za-z_]")

_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
"""How a text file may begin to say what it is in; editors on Windows have it so."""

_JOINERS: Final = {"\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"}
"""Invisible, but part of the spelling of Persian, Hindi and others."""

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP: Final = 1024


def decoded(data: bytes) -> str:
    """Read a text file by its byte order mark, as UTF-8 without one; raises UnicodeError."""
    for mark, coding in _MARKS:
        if data.startswith(mark):
            return data.removeprefix(mark).decode(coding)
    return data.decode("utf-8")


def is_unfilled(path: str) -> bool:
    """Tell whether a shell would fill this in: ~ to begin with, ${NAME}, $NAME to begin a part."""
    return bool(_UNFILLED.search(path))


def storable(text: str) -> str:
    """Give the text with what no UTF-8 can hold (halves of a surrogate pair) as question marks."""
    return text.encode("utf-8", "replace").decode()


def plain(text: str, *, most: int) -> str:
    """Give the text on one line without control characters, cut to `most` characters."""
    shown = "".join(c if c.isprintable() else " " for c in storable(text[: 4 * most]))
    line = " ".join(shown.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def seen(text: str) -> str:
    """Make control, direction and unreadable signs visible, and so harmless to a terminal."""
    return "".join(
        sign if (sign.isprintable() or sign in _JOINERS) and sign != "\\" else _escaped(sign)
        for sign in text
    )


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def amount(size: int) -> str:
    """Write a number of bytes for people."""
    power = min(max(size.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    if not power:
        return "1 byte" if size == 1 else f"{size:,} {_UNITS[0]}"
    return f"{size / _STEP**power:.1f} {_UNITS[power]}"


def count(number: int, one: str, many: str = "") -> str:
    """Write a number of things."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

"""Name copies without trusting, or giving away, what a submitter wrote."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from titip.metadata import filename

if TYPE_CHECKING:
    from titip.upload import Upload

MAX_NAME: Final = 120
"""Longest safe name in bytes; file systems allow 255, and temporary names need some of it."""

_EXTENSION: Final = re.compile(r"\.([A-Za-z0-9]{1,8})\Z")


def safe_name(text: str) -> str:
    """Spell a text as one path element: distinct texts keep distinct names.

    Anything but letters, digits, dot, dash and underscore is percent-encoded, and so is a leading
    dot. A name that grows too long ends in a digest of the text instead.
    """
    spelt = quote(text, safe="", errors="surrogatepass").replace("~", "%7E")
    if spelt.startswith("."):
        spelt = "%2E" + spelt[1:]
    if not spelt:
        return "%-"
    if len(spelt) <= MAX_NAME:
        return spelt
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{spelt[:48]}%-{digest}"


def copy_name(upload: Upload) -> str:
    """Name the copy of an upload: its opaque id, with the file name's extension if it is plain.

    The rest of a file name is personal data and stays in the journal.
    """
    found = _EXTENSION.search(filename(upload.metadata))
    extension = f".{found.group(1).lower()}" if found else ""
    return safe_name(upload.id) + extension

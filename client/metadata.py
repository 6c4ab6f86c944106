"""Say what a file is: the pairs of Upload-Metadata. A key without a value is left out."""

from __future__ import annotations

import mimetypes
import re
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.plan import Item

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""How Python spells the bytes of a file name that is not UTF-8."""


def describe(item: Item, sha256: str) -> dict[str, str]:
    """Give the metadata of one file, every value non-empty and encodable as UTF-8.

    `mtime` is RFC 3339 in UTC; `sha256` is the hex digest of the whole file.
    """
    # Only the ending is looked up: a whole name may look like an address to mimetypes.
    filetype, _ = mimetypes.guess_type(f"file{PurePath(item.name).suffix}")
    pairs = {
        "filename": encodable(item.name),
        "relativePath": encodable(item.relative),
        "filetype": encodable(filetype or ""),
        "mtime": _moment(item.mtime_ns),
        "sha256": sha256,
    }
    return {key: value for key, value in pairs.items() if value}


def encodable(text: str) -> str:
    """Replace what UTF-8 cannot carry by the replacement character."""
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _moment(nanoseconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return ""
    return moment.isoformat().replace("+00:00", "Z")

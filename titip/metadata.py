"""What a submitter says of a file: the tus `Upload-Metadata` header, read and written.

The header is a comma-separated list of `key base64value` pairs (tus 1.0, creation extension).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FILENAME_KEYS: Final = ("filename", "name")
"""Where clients put the name: tuspy and tus-js-client say `filename`, Uppy sends `name` too."""

_KEY_BYTES: Final = frozenset(chr(code) for code in range(0x21, 0x7F)) - {","}


class BadMetadata(ValueError):
    """The header is not a list of `key base64` pairs."""


def parse(header: str) -> dict[str, bytes]:
    """Read the header; an empty one is an empty mapping (tuspy sends that).

    Raises BadMetadata for an empty, non-ASCII or repeated key and for a value that is not
    base64 of RFC 4648 section 4.
    """
    pairs: dict[str, bytes] = {}
    if not header.strip():
        return pairs
    for item in header.split(","):
        key, _, value = item.strip(" ").partition(" ")
        if key in pairs:
            raise BadMetadata("a key may appear only once")
        pairs[_checked(key)] = _decode(value.strip(" "))
    return pairs


def render(pairs: Mapping[str, bytes]) -> str:
    """Write the header for these pairs; the inverse of `parse`.

    Raises BadMetadata for a key that the header cannot carry.
    """
    return ",".join(
        f"{_checked(key)} {base64.b64encode(value).decode('ascii')}".rstrip(" ")
        for key, value in pairs.items()
    )


def filename(header: str) -> str:
    """Give the submitter's name for the file, or an empty text; never to be used as a path."""
    try:
        pairs = parse(header)
    except BadMetadata:
        return ""
    named = next((pairs[key] for key in FILENAME_KEYS if pairs.get(key)), b"")
    return named.decode("utf-8", "replace")


def _checked(key: str) -> str:
    if not key or not set(key) <= _KEY_BYTES:
        raise BadMetadata("a key must be printable ASCII without spaces and commas")
    return key


def _decode(value: str) -> bytes:
    try:
        return base64.b64decode(value.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadMetadata("a value must be base64 with padding") from error

"""The Upload-Concat header of tus: what an upload is a part of, or what it is joined from. Pure.

A part's address is known by its path alone. Scheme, host and whatever a proxy puts before
`/files/` are ignored: what may be joined is decided by whose it is, never by its address.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Final as Constant
from urllib.parse import urljoin, urlsplit

from titip.upload import PART, UploadId

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER: Constant = "/files/"
"""Where uploads have their addresses; what a relative one is told from."""

MOST: Constant = 10_000
"""Parts of one upload: far above what any sender makes, far below what would hold others up."""

_JOINED: Constant = "final;"
_ADDRESS: Constant = re.compile(r"[A-Za-z0-9._~/-]*/files/([0-9a-f]{32})", re.ASCII)
_PLAIN: Constant = re.compile(r"[!-~]+", re.ASCII)


class BadConcat(ValueError):
    """The header says neither of the two things it may say; the text tells what to do."""


@dataclass(frozen=True, slots=True)
class PartialUpload:
    """The upload is there to be joined with others."""


@dataclass(frozen=True, slots=True)
class FinalUpload:
    """The upload is joined from these, in this order; one may be there more than once."""

    parts: tuple[UploadId, ...]


def parse(header: str) -> PartialUpload | FinalUpload:
    """Read the header as it came; raises BadConcat."""
    header = header.strip()
    if header == PART:
        return PartialUpload()
    if not header.startswith(_JOINED):
        raise BadConcat(f'it must be "{PART}", or "{_JOINED}" and the addresses of the parts')
    addresses = [word for word in header.removeprefix(_JOINED).split(" ") if word]
    if not addresses:
        raise BadConcat("it names no part: put their addresses behind it, with a space between")
    if len(addresses) > MOST:
        raise BadConcat(f"it names more than {MOST} parts: join some first, or make larger ones")
    return FinalUpload(tuple(_part(word, number) for number, word in enumerate(addresses, 1)))


def join_key(parts: Sequence[UploadId], metadata: str) -> str:
    """Give the creation key of what is joined from these, so that asking again finds the first.

    No key that a sender chooses has a colon, so it meets none of them.
    """
    told = "\n".join((*parts, "", metadata))
    return "join:" + hashlib.sha256(told.encode()).hexdigest()


def _part(address: str, number: int) -> UploadId:
    try:
        named = _PLAIN.fullmatch(address) and urlsplit(urljoin(FOLDER, address))
    except ValueError:
        named = None
    if named and not named.query and not named.fragment:
        found = _ADDRESS.fullmatch(named.path)
        if found is not None:
            return UploadId(found[1])
    raise BadConcat(f"its part {number} is not the address of an upload here")

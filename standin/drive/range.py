"""Read a `Content-Range` of a resumable upload, and hold it against what the session has."""

import re
from dataclasses import dataclass

from standin.drive.errors import DriveRefusal, invalid

UNIT_BYTES = 256 * 1024
"""Every chunk but the last is a multiple of this; nothing smaller is kept of a broken one."""

_QUERY = re.compile(r"bytes \*/(\d+|\*)")
_CHUNK = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The question how far the session is. `total` is None where the sender does not know it."""

    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Bytes from `start` until before `end`, of `total` in all if the sender knows that."""

    start: int
    end: int
    total: int | None

    @property
    def is_last(self) -> bool:
        """Tell whether the file ends with this chunk."""
        return self.end == self.total


def parse_range(header: str | None, *, length: int | None) -> Query | Chunk:
    """Read the header of a PUT whose body has `length` bytes; raise the Drive's 400."""
    if length is None:
        raise invalid("A chunk needs a Content-Length", reason="required")
    if header is None:
        return Chunk(start=0, end=length, total=length)
    if match := _QUERY.fullmatch(header):
        if length:
            raise invalid("A status query has no body")
        return Query(total=_number(match[1]))
    match = _CHUNK.fullmatch(header)
    if match is None:
        raise invalid("Failed to parse Content-Range header")
    chunk = Chunk(start=int(match[1]), end=int(match[2]) + 1, total=_number(match[3]))
    if chunk.end - chunk.start != length:
        raise invalid("Content-Range and Content-Length disagree")
    return chunk


def check_chunk(chunk: Chunk, *, received: int, total: int | None) -> None:
    """Raise what the Drive answers to a chunk that does not fit its session."""
    check_total(chunk.total, total=total)
    if chunk.total is not None and chunk.end > chunk.total:
        raise invalid("Content-Range ends behind the end of the file")
    if chunk.start > received:
        raise DriveRefusal(503, "backendError", "There is a gap before this chunk")
    if not chunk.is_last and (chunk.end - chunk.start) % UNIT_BYTES:
        raise invalid(f"A chunk that is not the last must be a multiple of {UNIT_BYTES} bytes")


def check_total(claimed: int | None, *, total: int | None) -> None:
    """Raise the Drive's 400 if a sender contradicts the length it named before."""
    if claimed is not None and total is not None and claimed != total:
        raise invalid("The total of Content-Range is not the length this session was opened for")


def short_end(chunk: Chunk, *, units: int) -> int:
    """Give the end of what is kept when `units` fewer than all units are acknowledged."""
    return -(-chunk.end // UNIT_BYTES) * UNIT_BYTES - units * UNIT_BYTES


def _number(text: str) -> int | None:
    return None if text == "*" else int(text)

"""Whether a new upload may begin: its length within the limit, its bytes within the room. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import Refusal
from gateway.problems import TOO_LARGE
from titip.errors import StorageFull

if TYPE_CHECKING:
    from titip.ports import Room


def admit_length(length: int, *, max_upload: int) -> None:
    """Refuse what is larger than one upload may be."""
    if length > max_upload:
        detail = f"One upload may have {max_upload} bytes at most"
        raise Refusal(TOO_LARGE.because(detail, headers={"Tus-Max-Size": str(max_upload)}))


def admit_bytes(length: int, *, room: Room, reserve: int) -> None:
    """Refuse what would not fit beside the reserve and all that is promised already.

    Counting promises keeps many half uploads from filling the disk so that none can end.
    """
    if not room.reserved or room.free - room.promised - reserve < length:
        raise StorageFull("there is no room for an upload of that length now")

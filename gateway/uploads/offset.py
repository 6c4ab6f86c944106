"""What is asked before the state of an upload is told: whether a request still moves it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.context import alive
from gateway.protocol.errors import UploadLocked

if TYPE_CHECKING:
    from gateway.context import AppContext
    from titip.access import Bearer
    from titip.upload import Upload, UploadId

BRIEFLY: Final = 2.0
"""Seconds that whoever asks for the offset waits for another request to end."""


async def inspect(
    context: AppContext, which: UploadId, bearer: Bearer, *, silence: float, alone: bool = False
) -> Upload:
    """Give the upload, with what came of a request whose line is dead.

    One that is under way on it and heard nothing for `silence` seconds is ended, and what it
    brought is committed. `alone`: raises UploadLocked unless it ended.
    """
    held = context.locks.holder(which) is not None
    upload = await context.own(which, bearer)
    holder = context.locks.holder(which)
    if holder is not None:
        left = await context.locks.evict_if_idle(which, silence=silence, patience=BRIEFLY)
        if alone and not left:
            raise UploadLocked("another request holds the upload")
    return alive(await context.own(which, bearer) if held or holder is not None else upload)

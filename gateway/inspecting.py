"""What is asked before an upload's state is told: that it lives, and that nobody moves it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import UploadLocked
from titip.errors import UploadGone

if TYPE_CHECKING:
    from gateway.gate import Gate
    from titip.access import Bearer
    from titip.upload import Upload, UploadId

BRIEFLY: Final = 2.0
"""Seconds that whoever asks for the offset waits for another request to end."""


async def inspect_alone(gate: Gate, which: UploadId, bearer: Bearer) -> Upload:
    """Give the upload once nobody moves it on any more; raises UploadLocked.

    A request that is under way on it is ended, and what it brought is committed.
    """
    held = gate.locks.holder(which) is not None
    upload = await gate.own(which, bearer)
    if gate.locks.holder(which) is not None:
        if not await gate.locks.relieve(which, silence=0, patience=BRIEFLY):
            raise UploadLocked("another request holds the upload")
        held = True
    return alive(await gate.own(which, bearer) if held else upload)


def alive(upload: Upload) -> Upload:
    """Give the upload, unless it was ended; raises UploadGone."""
    if upload.state.ended:
        raise UploadGone(f"the upload was {upload.state}")
    return upload

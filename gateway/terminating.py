"""DELETE: withdraws an unfinished upload, and ends a request that is under way on it first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gateway.gate import alive
from titip.errors import UploadClosed
from titip.upload import UploadState

if TYPE_CHECKING:
    from gateway.gate import Gate
    from titip.access import Bearer
    from titip.upload import UploadId

log = structlog.get_logger()


async def terminate(gate: Gate, which: UploadId, bearer: Bearer) -> None:
    """End the upload; raises UploadClosed for a sealed one: custody cannot be withdrawn."""
    if gate.locks.holder(which) is not None:
        await gate.own(which, bearer)  # a stranger asks nobody to leave
    async with gate.locks.hold(which, patience=gate.options.pace.patience):
        upload = alive(await gate.own(which, bearer))
        if upload.state is UploadState.SEALED:
            raise UploadClosed("custody cannot be withdrawn")
        await gate.store.terminate(upload)
    gate.metrics.terminated.inc()
    log.info("upload.terminated", upload=upload.id)

"""DELETE: withdraws an unfinished upload, and ends a request that is under way on it first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from gateway.context import alive
from titip.errors import UploadClosed
from titip.upload import UploadState

if TYPE_CHECKING:
    from gateway.context import AppContext
    from titip.access import Bearer
    from titip.upload import UploadId

log = structlog.get_logger()


async def terminate(context: AppContext, which: UploadId, bearer: Bearer) -> None:
    """End the upload; raises UploadClosed for a sealed one: custody cannot be withdrawn."""
    if context.locks.holder(which) is not None:
        await context.own(which, bearer)  # a stranger asks nobody to leave
    async with context.locks.hold(which, patience=context.options.pace.patience):
        upload = alive(await context.own(which, bearer))
        if upload.state is UploadState.SEALED:
            raise UploadClosed("custody cannot be withdrawn")
        await context.store.terminate(upload)
    context.metrics.terminated.inc()
    log.info("upload.terminated", upload=upload.id)

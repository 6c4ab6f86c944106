"""The one place that turns an error raised on purpose into the problem that is answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.protocol import problems
from gateway.protocol.errors import BodyInterrupted, Ending, Refusal, UploadLocked
from titip.errors import (
    ContentDamaged,
    DigestMismatch,
    IllegalEvent,
    LengthExceeded,
    OffsetConflict,
    PartsUnfit,
    StorageBroken,
    StorageFull,
    UploadClosed,
    UploadGone,
    UploadHeld,
    UploadMissing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.protocol.problems import Problem
    from titip.errors import TitipError


def to_problem(error: TitipError) -> Problem:
    """Give the problem for an error; with all passing trouble goes when to come again."""
    problem = _problem(error)
    if not problem.ours and problem.status != problems.LOCKED.status:
        return problem
    return problem.with_headers(_LATER)


def for_head(problem: Problem) -> Problem:
    """Soften trouble for HEAD on an upload: browsers throw an upload away on a 5xx there."""
    if not problem.ours:
        return problem
    return problems.PASSING_TROUBLE.because(problems.PASSING_TROUBLE.detail, headers=_LATER)


def _problem(error: TitipError) -> Problem:
    match error:
        case Refusal():
            return error.problem
        case BodyInterrupted():
            problem = _ENDINGS.get(error.ending, problems.BODY_CUT)
            return problem.with_headers({"Upload-Offset": str(error.committed)})
        case OffsetConflict():
            return problems.OFFSET_CONFLICT.with_headers({"Upload-Offset": str(error.committed)})
        case IllegalEvent() | PartsUnfit():
            return _KINDS[type(error)].because(str(error))
        case LengthExceeded():
            return problems.TOO_LARGE.because("The body goes past the declared Upload-Length")
        case _:
            return _KINDS.get(type(error), problems.FAILED)


_LATER: Final = {"Retry-After": str(problems.RETRY_AFTER)}

_ENDINGS: Final = {
    Ending.SILENT: problems.SILENT,
    Ending.ASKED_TO_LEAVE: problems.LOCKED,
    Ending.DRAINING: problems.DRAINING,
}

_KINDS: Final[Mapping[type[TitipError], Problem]] = {
    UploadMissing: problems.NO_UPLOAD,
    UploadGone: problems.UPLOAD_GONE,
    UploadClosed: problems.IN_CUSTODY,
    UploadHeld: problems.ON_HOLD,
    UploadLocked: problems.LOCKED,
    StorageFull: problems.NO_ROOM,
    StorageBroken: problems.STORAGE_BROKEN,
    ContentDamaged: problems.STORAGE_BROKEN,
    IllegalEvent: problems.NO_STEP,
    PartsUnfit: problems.PARTS_UNFIT,
    DigestMismatch: problems.DIGEST_MISMATCH,
}

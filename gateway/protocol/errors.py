"""What can go wrong at the door, beside what `titip.errors` names.

TitipError
├── Refusal             the gateway says no, with this problem
│   └── ProtocolViolation   ... since the request does not follow the protocol
├── UploadLocked        another request holds the upload and did not let go in time
└── BodyInterrupted     the body ended before its end; what came is committed
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from titip.errors import TitipError

if TYPE_CHECKING:
    from gateway.protocol.problems import Problem


class Refusal(TitipError):
    """The gateway will not do what was asked."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem that is the answer."""
        super().__init__(problem.detail or problem.title)
        self.problem = problem


class ProtocolViolation(Refusal):
    """The request does not follow the protocol."""


class UploadLocked(TitipError):
    """Another request holds the upload and did not let go in time."""


class Ending(StrEnum):
    """Why no more of a body is read."""

    WHOLE = "whole"
    CUT = "cut"
    SILENT = "silent"
    ASKED_TO_LEAVE = "asked_to_leave"
    DRAINING = "draining"
    NOT_KEPT = "not_kept"


class BodyInterrupted(TitipError):
    """The body ended before its end, for this reason; the committed offset covers what came."""

    def __init__(self, ending: Ending, *, committed: int) -> None:
        """Keep the reason, and the offset to go on from."""
        super().__init__(f"the body ended early: {ending}")
        self.ending = ending
        self.committed = committed

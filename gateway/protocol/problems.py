"""Every way the gateway says no: the catalogue of problems (RFC 9457), each with its one status.

Pure: `docs/protocol.md` is written from `CATALOGUE`, and tests compare by `slug`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE: Final = "application/problem+json"

RETRY_AFTER: Final = 5
"""Seconds a sender should wait out passing trouble: about the length of a restart."""

OURS: Final = 500
"""From this status on the fault is ours, and the sender may come again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal; `detail` tells the sender what to do about it.

    `uri`: its type where a specification named it; `members`: what that type adds to the body.
    """

    slug: str
    status: int
    title: str
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    uri: str = ""
    members: Mapping[str, object] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Tell whether the fault is on this side."""
        return self.status >= OURS

    def because(self, detail: str, *, headers: Mapping[str, str] | None = None) -> Problem:
        """Give the same problem with its particulars."""
        return replace(self, detail=detail, headers={**self.headers, **(headers or {})})

    def with_headers(self, headers: Mapping[str, str]) -> Problem:
        """Give the same problem with these headers too."""
        return replace(self, headers={**self.headers, **headers})

    def as_json(self) -> dict[str, object]:
        """Give the members of the answer's body."""
        members: dict[str, object] = {
            "type": self.uri or f"urn:titip:problem:{self.slug}",
            "title": self.title,
            "status": self.status,
        }
        if self.detail:
            members["detail"] = self.detail
        return {**members, **self.members}


BAD_REQUEST: Final = Problem("bad-request", 400, "Bad request")
BODY_CUT: Final = Problem("body-cut", 400, "Incomplete body")
NO_TOKEN: Final = Problem(
    "no-token",
    401,
    "Authentication needed",
    "Send it as Authorization: Bearer TOKEN.",
    {"WWW-Authenticate": 'Bearer realm="titip"'},
)
NOT_ALLOWED: Final = Problem("not-allowed", 403, "Not allowed with this token")
IN_CUSTODY: Final = Problem(
    "in-custody",
    403,
    "The upload is sealed",
    "Its bytes are in custody and on their way: custody cannot be withdrawn, nor anything added.",
)
JOINED: Final = Problem(
    "joined",
    403,
    "A concatenated upload takes no bytes",
    "Its bytes come from its parts alone: hand these in.",
)
ON_HOLD: Final = Problem(
    "on-hold",
    403,
    "On legal hold: nothing may be removed",
    "An operator holds what you handed in; you may still go on with it.",
)
INCONSISTENT_LENGTH: Final = Problem(
    "inconsistent-length",
    400,
    "Inconsistent upload length",
    "The length of an upload is told once, and its bytes must be as many.",
)
COMPLETED: Final = Problem(
    "completed",
    400,
    "The upload is complete",
    "Nothing can be added to it: ask for its receipt.",
)
PARTS_UNFIT: Final = Problem("parts-unfit", 400, "These uploads cannot be concatenated")
NOT_FOUND: Final = Problem("not-found", 404, "Not found")
NO_UPLOAD: Final = Problem(
    "no-upload",
    404,
    "Upload not found",
    "No upload of that address belongs to this token's submitter.",
)
NO_METHOD: Final = Problem("no-method", 405, "Method not allowed")
OFFSET_CONFLICT: Final = Problem(
    "offset-conflict",
    409,
    "Offset mismatch",
    "Go on from the Upload-Offset of this answer.",
)
NOT_SEALED: Final = Problem(
    "not-sealed",
    409,
    "The upload is not complete",
    "Hand in the rest first.",
)
NO_STEP: Final = Problem("no-step", 409, "Invalid state transition")
REFERENCE_TAKEN: Final = Problem("reference-taken", 409, "Reference already used")
UPLOAD_GONE: Final = Problem(
    "upload-gone",
    410,
    "Upload no longer exists",
    "It was terminated, or left alone for too long: begin a new one.",
)
BYTES_GONE: Final = Problem(
    "bytes-gone",
    410,
    "The bytes are no longer kept here",
    "The receipt stays; ask the operator where the file is.",
)
BYTES_DAMAGED: Final = Problem(
    "bytes-damaged",
    409,
    "The bytes are damaged here",
    "Nothing damaged is given out. An operator can put them back, or ask for the file anew.",
)
WRONG_VERSION: Final = Problem(
    "wrong-version",
    412,
    "Unsupported tus version",
    "Send Tus-Resumable: 1.0.0.",
    {"Tus-Version": "1.0.0"},
)
TOO_LARGE: Final = Problem("too-large", 413, "Upload too large")
KEY_REUSED: Final = Problem(
    "key-reused",
    422,
    "Idempotency key used for another upload",
    "An upload of another length was begun under this Idempotency-Key: use a new one.",
)
NO_RANGE: Final = Problem("no-range", 416, "Range not satisfiable")
DIGEST_MISMATCH: Final = Problem(
    "digest-mismatch",
    422,
    "Digest mismatch",
    "It was not sealed. Send the last part again from the Upload-Offset of this answer; if it is "
    "refused again, an earlier part was spoilt, or the file changed: begin anew.",
)
WRONG_TYPE: Final = Problem(
    "wrong-type",
    415,
    "Unsupported media type",
    "Send the plain bytes, with Content-Type: application/offset+octet-stream.",
)
LOCKED: Final = Problem(
    "locked",
    423,
    "Upload locked by another request",
    "Ask for its offset again in a moment.",
)
PASSING_TROUBLE: Final = Problem(
    "passing-trouble",
    423,
    "Temporarily unavailable",
    "It is kept; ask again in a moment.",
)
TOO_MANY_OPEN: Final = Problem(
    "too-many-open",
    429,
    "Too many unfinished uploads",
    "Finish some of them, or end them with DELETE, before others begin.",
    {"Retry-After": "60"},
)
HEAD_TOO_LARGE: Final = Problem(
    "head-too-large",
    431,
    "Request header fields too large",
    "Send fewer or shorter headers.",
)
CHECKSUM_MISMATCH: Final = Problem(
    "checksum-mismatch",
    460,
    "Checksum mismatch",
    "Nothing of the body was kept: send it again from the same offset.",
)
FAILED: Final = Problem("failed", 500, "Internal error", "The log tells more.")
DRAINING: Final = Problem(
    "draining",
    503,
    "Titip is stopping",
    "What was committed is kept; go on in a moment.",
)
SILENT: Final = Problem(
    "silent",
    503,
    "Upload too slow",
    "Of a resumable upload what came before is kept: ask for its offset, and go on from there. A "
    "plain one is whole or nothing: send it again, or send it resumably.",
)
STORAGE_BROKEN: Final = Problem(
    "storage-broken",
    503,
    "Storage unavailable",
    "What was committed is kept; try again later.",
)
BUSY: Final = Problem(
    "busy",
    503,
    "Too many are being served now",
    "Nothing is lost: come again in a moment.",
)
NO_ROOM: Final = Problem(
    "no-room",
    507,
    "There is no room for these bytes now",
    "What was committed is kept: go on from its offset later, or ask the operator to make room.",
)

CATALOGUE: Final = (
    BAD_REQUEST,
    BODY_CUT,
    INCONSISTENT_LENGTH,
    COMPLETED,
    PARTS_UNFIT,
    NO_TOKEN,
    NOT_ALLOWED,
    IN_CUSTODY,
    JOINED,
    ON_HOLD,
    NOT_FOUND,
    NO_UPLOAD,
    NO_METHOD,
    OFFSET_CONFLICT,
    NOT_SEALED,
    NO_STEP,
    REFERENCE_TAKEN,
    UPLOAD_GONE,
    BYTES_GONE,
    BYTES_DAMAGED,
    WRONG_VERSION,
    TOO_LARGE,
    WRONG_TYPE,
    NO_RANGE,
    KEY_REUSED,
    DIGEST_MISMATCH,
    LOCKED,
    PASSING_TROUBLE,
    TOO_MANY_OPEN,
    HEAD_TOO_LARGE,
    CHECKSUM_MISMATCH,
    FAILED,
    DRAINING,
    SILENT,
    STORAGE_BROKEN,
    BUSY,
    NO_ROOM,
)

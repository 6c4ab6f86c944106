"""The IETF draft as pure functions, the way back: an upload, or a problem, to what is answered.

`version` is the interop version of the request, None where it named none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import http_sf

from gateway.protocol import tus
from gateway.protocol.commands import Answer
from gateway.protocol.digest_fields import repr_digest
from gateway.protocol.draft import BODY_TYPE, OLDER
from gateway.protocol.problems import (
    COMPLETED,
    IN_CUSTODY,
    INCONSISTENT_LENGTH,
    LOCKED,
    OFFSET_CONFLICT,
    TOO_LARGE,
    UPLOAD_GONE,
)
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from gateway.protocol.commands import UploadLimits
    from gateway.protocol.problems import Problem
    from titip.upload import Upload

_TYPES: Final = "https://iana.org/assignments/http-problem-types#"


@dataclass(frozen=True, slots=True)
class DraftResponseOptions:
    """How one request is answered; `tells_digest`: that of the whole file is wanted."""

    version: int | None
    terms: UploadLimits
    now: Callable[[], datetime]
    tells_digest: bool = True


def discovery(wording: DraftResponseOptions) -> Answer:
    """Answer OPTIONS; former versions wanted Accept-Patch there."""
    accepted = f"{tus.BODY_TYPE}, {BODY_TYPE}"
    return Answer(200, {"Upload-Limit": limit(wording), "Accept-Patch": accepted})


def created(upload: Upload, location: str, wording: DraftResponseOptions) -> Answer:
    """Answer a creation; a sealed upload's receipt goes with it."""
    return Answer(201, {"Location": location, **_standing(upload, wording)})


def appended(upload: Upload, wording: DraftResponseOptions) -> Answer:
    """Answer a PATCH whose bytes are committed, or which found the upload complete."""
    status = 200 if upload.state is UploadState.SEALED else 204
    return Answer(201 if wording.version == OLDER else status, _standing(upload, wording))


def inspected(upload: Upload, wording: DraftResponseOptions) -> Answer:
    """Answer HEAD, or GET, from what is committed."""
    headers = {"Cache-Control": "no-store", **_standing(upload, wording)}
    if upload.length is not None:
        headers["Upload-Length"] = str(upload.length)
    return Answer(204, headers)


def limit(wording: DraftResponseOptions, upload: Upload | None = None) -> str:
    """Write Upload-Limit, for an upload or for those to come.

    `max-age`, which version 6 calls `expires`, is the seconds an unfinished one has left.
    """
    limits = {"max-size": wording.terms.max_upload}
    age = wording.terms.max_unfinished_age
    if age is not None and (upload is None or upload.state is UploadState.OPEN):
        name = "expires" if wording.version == OLDER else "max-age"
        limits[name] = _left(age, upload, wording.now())
    return http_sf.ser(dict(limits))


def refused(
    problem: Problem, wording: DraftResponseOptions, *, upload: Upload | None, provided: int | None
) -> Problem:
    """Say a problem as the draft does; `upload` is the one it is about, where it may be told.

    `provided`: the offset of the request.
    """
    problem = _named(problem, wording.version, provided)
    headers = {**problem.headers, "Upload-Complete": "?0"}
    if problem.status == TOO_LARGE.status:
        headers["Upload-Limit"] = limit(wording, upload)
    moves = problem.slug == LOCKED.slug  # what is committed may be more in a moment
    if upload is not None and not upload.state.ended and not moves:
        headers["Upload-Offset"] = str(upload.offset)
    return replace(problem, headers=headers)


def _named(problem: Problem, version: int | None, provided: int | None) -> Problem:
    older = version == OLDER
    match problem.slug:
        case OFFSET_CONFLICT.slug:
            members = _offsets(problem.headers, provided)
            return replace(problem, uri=f"{_TYPES}mismatching-upload-offset", members=members)
        case INCONSISTENT_LENGTH.slug:
            return replace(problem, uri=f"{_TYPES}inconsistent-upload-length")
        case IN_CUSTODY.slug if older and provided is not None:
            return replace(COMPLETED, uri=f"{_TYPES}completed-upload")
        case UPLOAD_GONE.slug if older:
            return replace(problem, status=404)
        case _:
            return problem


def _offsets(headers: Mapping[str, str], provided: int | None) -> dict[str, object]:
    expected = headers.get("Upload-Offset", "")
    known = {"expected-offset": int(expected) if expected else None, "provided-offset": provided}
    return {name: value for name, value in known.items() if value is not None}


def _standing(upload: Upload, wording: DraftResponseOptions) -> dict[str, str]:
    sealed = upload.state is UploadState.SEALED
    headers = {
        "Upload-Complete": http_sf.ser(sealed),
        "Upload-Offset": str(upload.offset),
        "Upload-Limit": limit(wording, upload),
    }
    if sealed and wording.tells_digest:
        headers["Repr-Digest"] = repr_digest(upload.sha256)
    return headers


def _left(age: timedelta, upload: Upload | None, now: datetime) -> int:
    """Give the whole seconds left; none when it may be gone at any moment."""
    left = age if upload is None else upload.last_activity + age - now
    return max(0, int(left.total_seconds()))

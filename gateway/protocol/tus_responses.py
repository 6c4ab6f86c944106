"""tus 1.0 as pure functions, the way back: an upload to the answer's status and headers."""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING

from gateway.protocol import checksum
from gateway.protocol.commands import Answer
from gateway.protocol.digest_fields import repr_digest
from gateway.protocol.tus import VERSION
from titip.upload import UploadState

if TYPE_CHECKING:
    from gateway.protocol.commands import UploadLimits
    from gateway.protocol.problems import Problem
    from titip.upload import Upload


def extensions(terms: UploadLimits) -> tuple[str, ...]:
    """Name what is offered beyond the core, from what there is."""
    expiration = () if terms.max_unfinished_age is None else ("expiration",)
    checksums = ("checksum", "checksum-trailer") if checksum.ALGORITHMS else ()
    return (
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "termination",
        "concatenation",
        "concatenation-unfinished",
        *expiration,
        *checksums,
    )


def discovery(terms: UploadLimits) -> Answer:
    """Answer OPTIONS; 200 and not 204, since some old browsers fail a preflight on 204."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(extensions(terms)),
        "Tus-Max-Size": str(terms.max_upload),
        "Tus-Checksum-Algorithm": ",".join(checksum.ALGORITHMS),
    }
    return Answer(200, headers)


def created(upload: Upload, location: str, terms: UploadLimits, *, tells_offset: bool) -> Answer:
    """Answer a creation; the offset is told where bytes came, or none are to come."""
    headers = {"Location": location, **_prospect(upload, terms)}
    if (tells_offset or upload.complete) and _has_offset(upload):
        headers["Upload-Offset"] = str(upload.offset)
    if upload.concat:
        headers["Upload-Concat"] = upload.concat
    return Answer(201, headers)


def appended(upload: Upload, terms: UploadLimits) -> Answer:
    """Answer a PATCH whose bytes are committed."""
    return Answer(204, {"Upload-Offset": str(upload.offset), **_prospect(upload, terms)})


def refused(problem: Problem, upload: Upload, terms: UploadLimits) -> Problem:
    """Say in the refusal of a PATCH how the upload stands, if it can be gone on with."""
    if upload.state.ended:
        return problem
    return problem.with_headers(_prospect(upload, terms))


def inspected(upload: Upload, terms: UploadLimits) -> Answer:
    """Answer HEAD from what is committed."""
    headers = {"Cache-Control": "no-store", **_measure(upload), **_prospect(upload, terms)}
    if _has_offset(upload):
        headers["Upload-Offset"] = str(upload.offset)
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    if upload.concat:
        headers["Upload-Concat"] = upload.concat
    return Answer(200, headers)


def terminated() -> Answer:
    """Answer a DELETE that ended the upload."""
    return Answer(204)


def _has_offset(upload: Upload) -> bool:
    """Tell whether there is an offset: what is joined from parts has none until it is."""
    return not upload.is_final or upload.state is UploadState.SEALED


def _measure(upload: Upload) -> dict[str, str]:
    if upload.length is not None:
        return {"Upload-Length": str(upload.length)}
    return {} if upload.is_final else {"Upload-Defer-Length": "1"}


def _prospect(upload: Upload, terms: UploadLimits) -> dict[str, str]:
    if upload.state is UploadState.SEALED:
        return {"Repr-Digest": repr_digest(upload.sha256)}
    if terms.max_unfinished_age is None:
        return {}
    until = upload.last_activity + terms.max_unfinished_age
    return {"Upload-Expires": format_datetime(until, usegmt=True)}

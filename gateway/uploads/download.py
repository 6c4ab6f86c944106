"""GET: gives a sealed upload back to its owner, as a download and never as a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import structlog
from aiohttp import web
from multidict import CIMultiDict

from gateway.context import alive
from gateway.protocol.digest_fields import repr_digest
from gateway.protocol.errors import Refusal
from gateway.protocol.problems import BYTES_DAMAGED, BYTES_GONE, NO_RANGE, NOT_SEALED
from titip.errors import ContentDamaged
from titip.metadata import filename
from titip.upload import UploadState

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp.abc import AbstractStreamWriter

    from gateway.context import AppContext
    from titip.access import Bearer
    from titip.upload import Upload, UploadId

log = structlog.get_logger()

LONGEST_NAME: Final = 150
"""Characters of a name that are passed on: below the 255 bytes of most file systems."""

_UNSAFE: Final = re.compile(
    r'[\x00-\x1f\x7f-\x9f"*/:<>?\\|\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
)
"""Control, path and quoting characters, and those that turn the direction of text."""


class _File(web.FileResponse):
    """A file that ignores a Range it does not understand (RFC 9110, 14.2), as it must."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send it."""
        return await super().prepare(request if _readable(request) else _unranged(request))


async def fetch(
    context: AppContext, request: web.Request, upload_id: UploadId, bearer: Bearer
) -> web.StreamResponse:
    """Send the file, or the range of it that is asked for."""
    upload = alive(await context.own(upload_id, bearer))
    if upload.state is UploadState.OPEN:
        raise Refusal(NOT_SEALED)
    if upload.damaged:
        raise Refusal(BYTES_DAMAGED)
    path = None if upload.freed_at is not None else await _sound(context, upload)
    if path is None:
        raise Refusal(BYTES_GONE)
    _refuse_beyond(request, upload.size)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": disposition(filename(upload.metadata)),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-cache",
        "Repr-Digest": repr_digest(upload.sha256),
    }
    return _File(path, headers=headers)


async def _sound(context: AppContext, upload: Upload) -> Path | None:
    try:
        return await context.store.sealed_file(upload)
    except ContentDamaged as damage:
        log.error("upload.damaged", upload=upload.id, reason=str(damage))
        raise Refusal(BYTES_DAMAGED) from damage


def _refuse_beyond(request: web.BaseRequest, size: int) -> None:
    """Refuse a range that begins behind the end; the framework would say it without a problem."""
    if "If-Range" in request.headers or not _readable(request):
        return
    begin = request.http_range.start
    if begin is not None and begin >= size:
        raise Refusal(NO_RANGE.with_headers({"Content-Range": f"bytes */{size}"}))


def _readable(request: web.BaseRequest) -> bool:
    try:
        return bool(request.http_range)
    except ValueError:
        return False


def _unranged(request: web.BaseRequest) -> web.BaseRequest:
    """Give the request without its Range, and without what cannot be written down again."""
    others = CIMultiDict(
        (name, value)
        for name, value in request.headers.items()
        if name.lower() != "range" and (name + value).isascii()
    )
    return request.clone(headers=others)


def disposition(name: str) -> str:
    """Write Content-Disposition for a name that a stranger chose (RFC 6266)."""
    safe = _UNSAFE.sub("_", name).strip(". ")[:LONGEST_NAME] or "upload"
    plain = re.sub(r"[^ -~]", "_", safe)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"

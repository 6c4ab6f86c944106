"""Answers before the final one: 100 asks for the body, 104 tells the draft's senders how far it is.

100 (Continue) is sent only once the headers are found good; the framework's own way is to ask for
the body before anybody looked at them. 104 (Upload Resumption Supported) is for senders that name
a version of the draft we speak, over HTTP/1.1. Whoever takes a body in tells each commit, and has
ended before the final answer begins.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiohttp import HttpVersion11

from gateway.protocol.draft import SPOKEN
from gateway.protocol.draft_responses import limit
from gateway.protocol.upload_secret import HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from gateway.protocol.draft_responses import DraftResponseOptions
    from titip.upload import Upload, UploadId

_LINE: Final = "HTTP/1.1 104 Upload Resumption Supported\r\n"


async def wait_for_continue(_request: web.Request) -> None:
    """Leave the expectation open: `send_continue` meets it, a refusal never does."""


async def send_continue(request: web.Request) -> None:
    """Ask for the body, if its sender waits to be asked."""
    expected = request.headers.get("Expect", "").strip().lower()
    if expected == "100-continue" and request.version >= HttpVersion11:
        await _say(request, "HTTP/1.1 100 Continue\r\n\r\n")


async def _say(request: web.Request, text: str) -> None:
    with suppress(ConnectionError):  # reading the body will find the cut
        await request.writer.write(text.encode())
        request.writer.output_size = 0  # counts the final answer alone


class Interim:
    """The interim answers to one request; `begun` is the upload that one of them announced."""

    def __init__(
        self,
        request: web.Request,
        wording: DraftResponseOptions,
        *,
        location: Callable[[UploadId], str],
    ) -> None:
        self.begun: UploadId | None = None
        self.wording = wording
        self._request = request
        self._location = location

    @property
    def heard(self) -> bool:
        """Tell whether the sender reads them."""
        return self.wording.version in SPOKEN and self._request.version >= HttpVersion11

    @property
    def in_time(self) -> bool:
        """Tell whether they are of use: they are read, and more of the body is to come."""
        return self.heard and not self._request.content.is_eof()

    async def announce(self, upload: Upload, secret: str) -> None:
        """Tell where an upload that was begun by this request can be gone on with."""
        self.begun = upload.id
        told = {"Location": self._location(upload.id), "Upload-Limit": limit(self.wording, upload)}
        await self._tell({**told, HEADER: secret} if secret else told)

    async def progress(self, offset: int) -> None:
        """Tell how many bytes are committed."""
        if self.heard:
            await self._tell({"Upload-Offset": str(offset)})

    async def _tell(self, headers: Mapping[str, str]) -> None:
        told = {"Upload-Draft-Interop-Version": str(self.wording.version), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        await _say(self._request, f"{_LINE}{lines}\r\n")

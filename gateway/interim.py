"""104 (Upload Resumption Supported): tells a sender of the IETF draft how far it is on its way.

Only senders that name a version of the draft we speak hear it, and only over HTTP/1.1. Whoever
takes a body in tells each commit, and has ended before the final answer begins.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from aiohttp import HttpVersion11

from gateway.draft import SPOKEN
from gateway.draft_answers import limit
from gateway.secret import HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from gateway.draft_answers import Wording
    from titip.upload import Upload, UploadId

_LINE: Final = "HTTP/1.1 104 Upload Resumption Supported\r\n"


class Interim:
    """The interim answers to one request; `begun` is the upload that one of them announced."""

    def __init__(
        self, request: web.Request, wording: Wording, *, location: Callable[[UploadId], str]
    ) -> None:
        self.begun: UploadId | None = None
        self._request = request
        self._wording = wording
        self._location = location

    @property
    def version(self) -> int | None:
        """Give the version of the draft that the sender named."""
        return self._wording.version

    @property
    def heard(self) -> bool:
        """Tell whether the sender reads them."""
        return self.version in SPOKEN and self._request.version >= HttpVersion11

    @property
    def in_time(self) -> bool:
        """Tell whether they are of use: they are read, and more of the body is to come."""
        return self.heard and not self._request.content.is_eof()

    async def announce(self, upload: Upload, secret: str) -> None:
        """Tell where an upload that was begun by this request can be gone on with."""
        self.begun = upload.id
        told = {"Location": self._location(upload.id), "Upload-Limit": limit(self._wording, upload)}
        await self._say({**told, HEADER: secret} if secret else told)

    async def progress(self, offset: int) -> None:
        """Tell how many bytes are committed."""
        if self.heard:
            await self._say({"Upload-Offset": str(offset)})

    async def _say(self, headers: Mapping[str, str]) -> None:
        told = {"Upload-Draft-Interop-Version": str(self.version), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        with suppress(ConnectionError):  # reading the body will find the cut
            await self._request.writer.write(f"{_LINE}{lines}\r\n".encode())
            self._request.writer.output_size = 0  # counts the final answer alone

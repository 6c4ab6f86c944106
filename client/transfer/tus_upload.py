"""The protocol's steps by tuspy, over our own connection and with our own judgement of answers.

tuspy alone has no time limits, one connection per chunk, and trusts any status; its headers,
metadata and bookkeeping are used as they are.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from tusclient.request import TusRequest
from tusclient.uploader import Uploader

from client.address import STRANGER, upload_address
from client.errors import Gone, TransientError
from client.metadata import FIELD
from client.transport.connection import Slice
from client.transport.error_mapping import Answer, Step, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client.transport.connection import HttpConnection

BODY_TYPE = "application/offset+octet-stream"


class TusUpload(Uploader):
    """One file's uploader. `answer` is the last one heard; `moved` hears how far the bytes are out.

    `sent` counts every byte that left, again and again if need be.
    """

    request: _ChunkRequest  # type: ignore[assignment]  # tuspy begins with None

    def __init__(
        self,
        wire: HttpConnection,
        *,
        stream: IO[bytes],
        length: int,
        metadata: Mapping[str, str],
        key: str,
        moved: Callable[[int], None],
    ) -> None:
        self.wire = wire
        self.key = key
        self.sent = 0
        self._at = 0
        self.length = length
        self.moved = moved
        self.answer = Answer(0)
        self.address = ""
        super().__init__(file_stream=stream, client=wire.client, metadata=dict(metadata))

    def set_url(self, url: str) -> None:
        """Go on with the upload at this address; an empty one is yet to be created."""
        super().set_url(url)
        self.address = url

    def get_file_size(self) -> int:
        """Give the size that was planned: what the digest was computed over."""
        return self.length

    def create_url(self, *, first: int = 0) -> str:
        """Create the upload, with its first `first` bytes in the same request; give its address.

        A gateway that knows our key gives the upload that was begun under it before. Sets `offset`
        to what the gateway has; -1 if it does not say.
        """
        headers = self.get_url_creation_headers()  # type: ignore[no-untyped-call]
        headers[FIELD] = f'"{self.key}"'
        body = None
        if first:
            headers["Content-Type"] = BODY_TYPE
            stream = self.get_file_stream()  # type: ignore[no-untyped-call]
            body = self.slice_of(stream, first, start=0)
        self.answer = self.wire.ask("POST", self.wire.client.url, headers=headers, body=body)
        judge(self.answer, Step.CREATE)
        location = self.answer.headers.get("Location")
        if not location:
            raise TransientError(STRANGER)
        said = self.answer.number("Upload-Offset")
        self.offset = (-1 if first else 0) if said is None else said
        if self.length == 0:
            self.offset = 0
        return self._own(location)

    def get_offset(self) -> int:
        """Ask how many bytes the gateway has. Raises Gone if the upload is not this file's."""
        headers = self.get_headers()  # type: ignore[no-untyped-call]
        self.answer = self.wire.ask("HEAD", self.address, headers=headers)
        judge(self.answer, Step.ASK)
        length, offset = self.answer.number("Upload-Length"), self.answer.number("Upload-Offset")
        if offset is None:
            raise TransientError(STRANGER)
        if (length is not None and length != self.length) or offset > self.length:
            raise Gone("the upload at the gateway has another length")
        return offset

    def slice_of(self, stream: IO[bytes], length: int, *, start: int) -> Slice:
        """Give the part of the file that one request carries; the stream stands at its start."""
        self._at = start
        return Slice(stream, length, stop=self.wire.stop, moved=self._left)

    def send_chunk(self, start: int, *, most: int) -> int:
        """Send the bytes from `start` on, `most` of them at most; give the gateway's new offset."""
        self.offset, self.chunk_size = start, most
        self.upload_chunk()  # type: ignore[no-untyped-call]
        return self.offset

    def _left(self, block: int) -> None:
        self.sent += block
        self._at += block
        self.moved(self._at)

    def _do_request(self) -> None:
        self.request = _ChunkRequest(self)
        self.request.perform()
        self.answer = self.request.answer
        judge(self.answer, Step.SEND)
        if self.answer.number("Upload-Offset") is None:
            raise TransientError(STRANGER)

    def _own(self, location: str) -> str:
        """Keep to the address that was given to us, whatever a proxy made of the one we heard."""
        address, other = upload_address(self.wire.client.url, location)
        if other:
            self.wire.notes.tell(
                f"the gateway calls itself {other}: everything was sent to {self.wire.server} all "
                "the same. Tell your operator to set gateway.public_url"
            )
        return address


class _ChunkRequest(TusRequest):
    """tuspy's PATCH, streamed from the file instead of read into memory first."""

    def __init__(self, carrier: TusUpload) -> None:
        super().__init__(carrier)  # type: ignore[no-untyped-call]
        self._carrier = carrier
        self.answer = Answer(0)

    def perform(self) -> None:
        """Send the chunk and keep the answer where tuspy looks for it."""
        carrier = self._carrier
        body = carrier.slice_of(self.file, self._content_length, start=carrier.offset)
        self.answer = carrier.wire.ask("PATCH", self._url, headers=self._request_headers, body=body)
        self.status_code = self.answer.status
        self.response_content = self.answer.body
        self.response_headers = {k.lower(): v for k, v in self.answer.headers.items()}

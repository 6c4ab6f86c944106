"""tuspy's protocol steps over our own wire, and what their answers mean."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from tusclient.request import TusRequest
from tusclient.uploader import Uploader

from sync.content import read_exactly
from sync.destinations.chunk_body import ChunkBody
from sync.destinations.http_answer import Answer
from sync.destinations.transport.answer_body import count_of, wait_asked
from sync.destinations.transport.wire import NoAnswer
from sync.threads import PATIENCE, in_thread
from titip.errors import DestinationUnavailable, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor
    from typing import IO

    from tusclient.client import TusClient

    from sync.destinations.transport.bound_origin import BoundOrigin
    from sync.destinations.transport.wire import HttpConnection, Reply
    from titip.ports.delivery import Content

T = TypeVar("T")

SHA256: Final = "sha256"


@dataclass(frozen=True, slots=True)
class Hop:
    """Runs blocking steps of one delivery in a thread, and ends them when it is cancelled."""

    pool: Executor
    wire: HttpConnection

    async def __call__(self, step: Callable[[], T]) -> T:
        """Run one step."""
        return await in_thread(step, pool=self.pool, stop=self.wire.abort, patience=PATIENCE)


class UnexpectedStatus(Exception):
    """A step got an answer that does not let it go on."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class RemoteUpload:
    """What the far side says of an upload; `length` is None where it does not say."""

    offset: int
    length: int | None


class _Stream(io.RawIOBase):
    """The content as the file that tuspy wants."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (self._content.size if whence == io.SEEK_END else 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = self._content.size - self._at
        data = read_exactly(self._content, self._at, left if size < 0 else min(size, left))
        self._at += len(data)
        return data


class _Patch(TusRequest):
    """tuspy's PATCH, sent over our wire."""

    def send(self, wire: HttpConnection, *, sent: Callable[[int], None]) -> Reply:
        chunk = self.file.read(self._content_length)
        self.add_checksum(chunk)
        headers = {**self._request_headers, "Content-Length": str(len(chunk))}
        body = ChunkBody(chunk, sent=sent)
        return _asked(wire, "PATCH", self._url, body=body, headers=headers)


class TusSteps(Uploader):
    """One upload's steps; blocking.

    Raises UnexpectedStatus, and DestinationUnavailable where no answer came.
    """

    CHECKSUM_ALGORITHM_PAIR = (SHA256, hashlib.sha256)

    def __init__(
        self,
        client: TusClient,
        content: Content,
        *,
        wire: HttpConnection,
        chunk: int,
        metadata: Mapping[str, str],
        checks: bool,
        place: BoundOrigin,
    ) -> None:
        self._wire = wire
        self._place = place
        self._intake = client.url
        super().__init__(
            client=client,
            file_stream=cast("IO[bytes]", _Stream(content)),
            chunk_size=chunk,
            metadata=dict(metadata),
            upload_checksum=checks,
        )

    def create_url(self) -> str:
        """Begin an upload over there; give its address, which is of a configured origin.

        Raises OutcomeUnknown where one may have been begun that nobody knows of.
        """
        headers = self.get_url_creation_headers()  # type: ignore[no-untyped-call]
        try:
            response = self._wire.ask("POST", self._intake, headers=headers)
        except NoAnswer as error:
            raise (OutcomeUnknown if error.left else DestinationUnavailable)(
                error.reason
            ) from error
        location = response.headers.get("location")
        if response.status != HTTPStatus.CREATED or not location:
            raise UnexpectedStatus(_read(response))
        try:
            return self._place.located(location)
        except DestinationUnavailable as elsewhere:
            raise OutcomeUnknown(elsewhere.reason, besides=elsewhere) from elsewhere

    def is_ours(self, url: str) -> bool:
        """Tell whether an upload of an earlier attempt lies where the configuration allows it."""
        return self._place.is_ours(url)

    def held(self, url: str) -> RemoteUpload | None:
        """Ask how far an upload is; None where there is none, or none any more."""
        headers = self.get_headers()  # type: ignore[no-untyped-call]
        response = _asked(self._wire, "HEAD", url, headers=headers)
        if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            return None
        offset = count_of(response.headers.get("upload-offset"))
        if response.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT} or offset is None:
            raise UnexpectedStatus(_read(response))
        return RemoteUpload(offset, count_of(response.headers.get("upload-length")))

    def append(self, url: str, offset: int, *, sent: Callable[[int], None]) -> int:
        """Send the chunk at `offset`; give the offset after it."""
        self.set_url(url)
        self.offset = offset
        patch = _Patch(self)  # type: ignore[no-untyped-call]
        response = patch.send(self._wire, sent=sent)
        reached = count_of(response.headers.get("upload-offset"))
        if response.status != HTTPStatus.NO_CONTENT or reached is None:
            raise UnexpectedStatus(_read(response))
        return reached


def checks_sha256(client: TusClient, wire: HttpConnection) -> bool:
    """Ask whether the far side compares each chunk with its sha256; raises as the steps do."""
    response = _asked(wire, "OPTIONS", client.url, headers=client.headers)
    if response.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
        raise UnexpectedStatus(_read(response))
    extensions = response.headers.get("tus-extension", "").replace(" ", "").split(",")
    algorithms = response.headers.get("tus-checksum-algorithm", "").replace(" ", "").split(",")
    return "checksum" in extensions and SHA256 in algorithms


def _asked(wire: HttpConnection, method: str, url: str, **more: Any) -> Reply:  # noqa: ANN401
    try:
        return wire.ask(method, url, **more)
    except NoAnswer as error:
        raise DestinationUnavailable(error.reason) from error


def _read(response: Reply) -> Answer:
    return Answer(
        response.status,
        body=response.body,
        retry_after=wait_asked(response.headers),
        whole=False,
        headers=response.headers,
    )

"""One resumable session with Drive: put bytes, or ask how far it is.

Drive is always right about that: an answer may acknowledge less than was sent, and a refusal of a
chunk is no verdict on the upload (the answer to a repeated last chunk is one, too).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from sync.content import read_exactly
from sync.destinations.chunk_body import ChunkBody
from sync.destinations.drive.documents import DriveFile, may_name
from sync.destinations.drive.errors import document_of, fault_of_answer
from titip.errors import AttemptFailed, DeliveryFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sync.destinations.drive.connections import ConnectionPool
    from titip.ports.delivery import Content

GO_ON: Final = 308
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_RANGE: Final = re.compile(r"bytes=0-([0-9]{1,18})\Z")


@dataclass(frozen=True, slots=True)
class Complete:
    """The file exists; `file` is None where the answer does not describe it."""

    file: DriveFile | None


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Drive holds the bytes before `offset`; `moved` is the session's new address, if any."""

    offset: int
    moved: str = ""


@dataclass(frozen=True, slots=True)
class SessionLost:
    """There is no such session, or none that can be made sense of."""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The answer was no verdict, or none came (`silent`)."""

    fault: DeliveryFault
    silent: bool = False


Outcome = Complete | Incomplete | SessionLost | Uncertain


class DriveSession:
    """Speaks to sessions of one content; the caller keeps their addresses."""

    def __init__(
        self, lines: ConnectionPool, content: Content, *, sent: Callable[[int], None]
    ) -> None:
        self._lines = lines
        self._content = content
        self._sent = sent

    async def query(self, uri: str) -> Outcome:
        """Ask how far the session is; raises DestinationUnavailable where no answer comes.

        One that lies where Drive is not, or is not any more, is of no use.
        """
        if not self._lines.place.is_ours(uri):
            return SessionLost()
        headers = {"Content-Range": f"bytes */{self._content.size}", "Content-Length": "0"}
        answer = await self._lines.run(lambda http: self._asked(http, uri, headers=headers))
        return self._ours(answer)

    async def put(self, uri: str, *, offset: int, size: int) -> Outcome:
        """Put up to `size` bytes from `offset`; at the end of the content its last ones.

        Reading and sending are one hop, so that no more chunks are in memory than connections.
        """
        total = self._content.size
        size = min(size, total - offset)

        def send(http: Any) -> Outcome:  # noqa: ANN401  (the library's own type)
            data = read_exactly(self._content, offset, size)
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            if size:
                headers["Content-Range"] = f"bytes {offset}-{offset + size - 1}/{total}"
            body = ChunkBody(data, sent=self._sent) if size else b""
            return self._asked(http, uri, headers=headers, body=body)

        try:
            outcome = await self._lines.run(send)
        except AttemptFailed:
            raise
        except DeliveryFault as fault:
            return Uncertain(fault, silent=True)
        return self._ours(outcome)

    def _asked(
        self,
        http: Any,  # noqa: ANN401  (as above)
        uri: str,
        *,
        headers: Mapping[str, str],
        body: ChunkBody | bytes = b"",
    ) -> Outcome:
        response, content = http.request(uri, method="PUT", body=body, headers=headers)
        total = self._content.size
        return read_answer(response.status, response, content=content, total=total)

    def _ours(self, outcome: Outcome) -> Outcome:
        """Keep a session's new address within Drive's origins.

        Raises DestinationUnavailable for another.
        """
        if isinstance(outcome, Incomplete) and outcome.moved:
            return replace(outcome, moved=self._lines.place.located(outcome.moved))
        return outcome


def read_answer(status: int, headers: Mapping[str, str], *, content: bytes, total: int) -> Outcome:
    """Read what a session answers."""
    if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
        return Complete(_described(content))
    if status == GO_ON:
        return _progress(headers, total)
    if status in _GONE:
        return SessionLost()
    return Uncertain(fault_of_answer(status, content, headers))


def _progress(headers: Mapping[str, str], total: int) -> Outcome:
    text = headers.get("range", "")
    found = _RANGE.match(text)
    if text and not found:
        return SessionLost()
    offset = int(found.group(1)) + 1 if found else 0
    return Incomplete(offset, headers.get("location", "")) if offset <= total else SessionLost()


def _described(content: bytes) -> DriveFile | None:
    document = document_of(content) or {}
    return DriveFile.of(document) if may_name(document.get("id")) else None

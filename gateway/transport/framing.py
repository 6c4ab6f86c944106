"""Knows where each request of a connection begins and ends, and so its trailer fields.

The framework gives no trailers out, and takes the last field of one for the first header of the
request that follows on the connection (`Framing` takes it off again).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp.http_parser import SINGLETON_HEADERS, RawRequestMessage
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.transport.trailers import Trailer

if TYPE_CHECKING:
    from collections.abc import Sequence

    Meant = tuple[RawRequestMessage, Trailer | None]

_END: Final = b"\r\n\r\n"
_EMPTY: Final = b"\r\n"
_KEPT: Final = len(_END) - 1

_OF_HEADS: Final = frozenset({"connection", *SINGLETON_HEADERS})
"""What no trailer should have (RFC 9110, 6.5.1): the parser holds it against the next request."""


class Framing:
    """Goes along with the bytes of one connection beside the parser, which says what they mean.

    `lost`: the two are no longer at one, which takes a sender that speaks on before it is
    answered, or that says what only one of them understands. It never finds the way again.
    """

    __slots__ = ("_begun", "_left", "_stray", "_trailer", "lost")

    def __init__(self) -> None:
        self.lost = False
        self._begun = b""
        self._left = 0
        self._stray: tuple[bytes, bytes] | None = None
        self._trailer: Trailer | None = None

    def follow(self, data: bytes, found: Sequence[object]) -> list[Meant]:
        """Go along with these bytes, in which the parser found these messages.

        Gives each message as it was meant, with the trailer of its body if that is chunked.
        """
        at, size = 0, len(data)
        meant: list[Meant] = []
        while at < size and not self.lost:
            if self._trailer is not None:
                at = self._follow_chunks(self._trailer, data, at)
            elif self._left:
                took = min(self._left, size - at)
                self._left -= took
                at += took
            elif (end := self._end_of_head(data, at)) is None:
                break
            else:
                at = end
                message = found[len(meant)] if len(meant) < len(found) else None
                if isinstance(message, RawRequestMessage):
                    meant.append(self._begin(message))
                else:
                    self.lost = True
        if len(meant) < len(found):
            self.lost = True
        return meant

    def _follow_chunks(self, trailer: Trailer, data: bytes, at: int) -> int:
        at = trailer.follow(data, at)
        self.lost = not trailer.readable
        if trailer.over:
            self._stray, self._trailer = trailer.last, None
            self.lost = any(name.lower() in _OF_HEADS for name in trailer.fields or ())
        return at

    def _end_of_head(self, data: bytes, at: int) -> int | None:
        """Find where the head that goes on at `at` ends, None if that is yet to come."""
        if not self._begun:
            while at < len(data) and data[at] in _EMPTY:
                at += 1  # empty lines before a request count for nothing
        else:
            seam = (self._begun + data[at : at + _KEPT]).find(_END)
            if seam >= 0:
                end = at + seam + len(_END) - len(self._begun)
                self._begun = b""
                return end
        end = data.find(_END, at) + len(_END)
        if end < len(_END):
            self._begun = (self._begun + data[max(at, len(data) - _KEPT) :])[-_KEPT:]
            return None
        self._begun = b""
        return end

    def _begin(self, message: RawRequestMessage) -> Meant:
        if self._stray is not None:
            message = self._without_stray(message, self._stray)
        if message.chunked:
            self._trailer = Trailer()
        else:
            try:
                self._left = int(message.headers.get("Content-Length", "0"))
            except ValueError:  # more leading zeros than a number may have
                self.lost = True
        return message, self._trailer

    def _without_stray(
        self, message: RawRequestMessage, stray: tuple[bytes, bytes]
    ) -> RawRequestMessage:
        self._stray = None
        if message.raw_headers[:1] != (stray,):
            self.lost = True
            return message
        told = list(message.headers.items())[1:]
        return message._replace(
            headers=CIMultiDictProxy(CIMultiDict(told)), raw_headers=message.raw_headers[1:]
        )

"""What goes over the wire to a registry: a form with one file (RFC 7578), or the bare bytes.

The length is known before the first byte leaves and no more than one piece is held.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import Payload

from sync.content import PIECE, read_exactly
from sync.threads import in_thread
from titip.errors import AttemptFailed, TitipError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp.abc import AbstractStreamWriter

    from titip.ports.delivery import Content

SLICE: Final = 64 * 1024
"""Bytes written at once: so fine is the eye that watches whether the far side still reads."""

_ESCAPES: Final = {'"': "%22", "\r": "%0D", "\n": "%0A", "\\": "%5C", ";": "%3B"}
"""The first three as browsers have it. A backslash before the closing quote hides it from strict
parsers, and simple ones split at every semicolon."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Framing:
    """What stands before and after the file's bytes, and what the whole is called."""

    content_type: str
    head: bytes = b""
    tail: bytes = b""

    def length(self, content: int) -> int:
        """Give the length of the body that carries `content` bytes."""
        return len(self.head) + content + len(self.tail)


def quoted(value: str) -> str:
    """Spell a name inside quotes: any script as it is, what could end or break it encoded.

    Other control characters have no business in a name and become a question mark.
    """
    for character, escape in _ESCAPES.items():
        value = value.replace(character, escape)
    return _CONTROL.sub("?", value)


def form(fields: Mapping[str, str], *, file_field: str, file_name: str, boundary: str) -> Framing:
    """Frame a form: the fields first, so that a registry knows them before the bytes come."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{quoted(file_field)}"; '
        f'filename="{quoted(file_name)}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n"
    )
    return Framing(
        content_type=f"multipart/form-data; boundary={boundary}",
        head="".join(parts).encode("utf-8", "replace"),
        tail=f"\r\n--{boundary}--\r\n".encode(),
    )


class Body(Payload):
    """The framed content as aiohttp sends it, once.

    `wrote` is called with the count of the file's bytes in each slice that left, `whole` before
    the last one leaves: from then on all of it may arrive, even if its leaving was not waited for.
    The owner awaits `settled` before it lets go of the content.
    """

    _autoclose = True

    def __init__(
        self,
        content: Content,
        framing: Framing,
        *,
        wrote: Callable[[int], None],
        whole: Callable[[], None],
    ) -> None:
        super().__init__(content, content_type=framing.content_type)
        self._size = framing.length(content.size)
        self._left = self._size
        self._content = content
        self._framing = framing
        self._wrote = wrote
        self._whole = whole
        self._reading = asyncio.Lock()
        self._let_go = False
        self.fault: TitipError | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002
        """Refuse: the body is never held as a whole."""
        raise TypeError("the body is streamed")

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write head, content and tail."""
        self._consumed = True  # aiohttp would send a PUT again by itself
        await self._put(writer, self._framing.head, counted=False)
        for offset in range(0, self._content.size, PIECE):
            try:
                piece = await self._piece(offset)
            except TitipError as fault:
                self.fault = fault  # aiohttp tells only that the body could not be written
                raise
            await self._put(writer, piece, counted=True)
        await self._put(writer, self._framing.tail, counted=False)
        if not self._size:
            self._whole()

    async def write_with_length(
        self,
        writer: AbstractStreamWriter,
        content_length: int | None,  # noqa: ARG002  (aiohttp repeats the length it was told)
    ) -> None:
        """Write everything: the declared length is the body's own."""
        await self.write(writer)

    async def settled(self) -> None:
        """Wait for the read under way and allow no other."""
        self._let_go = True
        async with self._reading:
            pass

    async def _piece(self, offset: int) -> bytes:
        size = min(PIECE, self._content.size - offset)
        async with self._reading:
            if self._let_go:
                raise AttemptFailed("the delivery is over already")
            return await in_thread(lambda: read_exactly(self._content, offset, size))

    async def _put(self, writer: AbstractStreamWriter, piece: bytes, *, counted: bool) -> None:
        view = memoryview(piece)
        for start in range(0, len(view), SLICE):
            part = view[start : start + SLICE]
            self._left -= len(part)
            if not self._left:
                self._whole()
            await writer.write(bytes(part))
            self._wrote(len(part) if counted else 0)

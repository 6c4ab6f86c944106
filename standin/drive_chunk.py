"""Pour the body of one PUT into its session, by whole units."""

from aiohttp import web

from standin.drive_errors import CutOff
from standin.drive_faults import DropMidway, Faults, Kind, ShortAck
from standin.drive_range import UNIT_BYTES, Chunk, short_end
from standin.drive_sessions import Session
from standin.server import is_gone
from standin.sink import PIECE_BYTES


class Pouring:
    """One chunk on its way into a session that has some of it, perhaps."""

    def __init__(self, session: Session, chunk: Chunk, *, turn: int, until: int) -> None:
        """Keep bytes up to `until`, which is less than the chunk's end for a short answer."""
        self._session = session
        self._chunk = chunk
        self._turn = turn
        self._until = until
        self._at = chunk.start
        self._begin = session.received
        self._held = bytearray()

    async def add(self, piece: bytes) -> None:
        """Take the next bytes; those the session has already, or will not keep, are dropped."""
        first = max(self._begin - self._at, 0)
        last = max(self._until - self._at, 0)
        self._at += len(piece)
        self._held += piece[first:last]
        while len(self._held) >= UNIT_BYTES:
            block = bytes(self._held[:UNIT_BYTES])
            del self._held[:UNIT_BYTES]
            await self._session.append(block, turn=self._turn)

    async def end(self) -> None:
        """Write what is left, if the file ends with it."""
        if self._held and self._chunk.is_last and self._at == self._until:
            await self._session.append(bytes(self._held), turn=self._turn)


async def pour(
    request: web.Request, session: Session, *, chunk: Chunk, turn: int, faults: Faults
) -> None:
    """Read the chunk that `request` carries; raise CutOff where a fault cuts it."""
    short = faults.take(ShortAck, Kind.CHUNK)
    drop = faults.take(DropMidway, Kind.CHUNK)
    until = short_end(chunk, units=short.units) if short else chunk.end
    pouring = Pouring(session, chunk, turn=turn, until=until)
    read = 0
    while piece := await request.content.read(PIECE_BYTES):
        if drop is not None and read + len(piece) >= drop.after_bytes:
            await pouring.add(piece[: drop.after_bytes - read])
            raise CutOff
        if faults.is_down() or is_gone(request):
            raise CutOff
        await pouring.add(piece)
        read += len(piece)
    await pouring.end()

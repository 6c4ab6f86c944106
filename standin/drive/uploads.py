"""Serve Drive's resumable upload: open a session, take chunks, say how far it is, make the file."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from aiohttp import web

from standin.drive.auth import Caller
from standin.drive.errors import CutOff, DriveRefusal, invalid
from standin.drive.faults import (
    DropMidway,
    ExpiredSession,
    Faults,
    FlipByte,
    Kind,
    LostLastAnswer,
    LostStartAnswer,
    MissingChecksums,
    MissingSha256,
    ShortAck,
)
from standin.drive.files import MAX_UPLOAD_BYTES, Files, check_fields, sees_all_drives
from standin.drive.item import OCTET_STREAM, Content, digests_of
from standin.drive.metadata import Drafting, read_metadata
from standin.drive.range import (
    UNIT_BYTES,
    Chunk,
    Query,
    check_chunk,
    check_total,
    parse_range,
    short_end,
)
from standin.drive.sessions import Session, Sessions
from standin.drive.store import DriveStore, new_id
from standin.server import is_gone
from standin.sink import PIECE_BYTES

PATH = "/upload/drive/v3/files"
SESSION_PARAM = "upload_id"


class Uploads:
    """The two routes of a resumable upload."""

    def __init__(
        self,
        store: DriveStore,
        *,
        sessions: Sessions,
        files: Files,
        drafting: Drafting,
        faults: Faults,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._files = files
        self._drafting = drafting
        self._faults = faults

    async def post(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """Open a session; with one in the address, take a chunk: Go's client posts them."""
        is_start = kind_of_upload(request) is Kind.START
        return await (self.start(request, caller) if is_start else self.put(request, caller))

    async def start(self, request: web.Request, caller: Caller) -> web.Response:
        """Open a session and give its address."""
        if request.query.get("uploadType") != "resumable":
            raise invalid("This stand-in takes uploadType=resumable alone.")
        check_fields(request)
        total = _declared_length(request)
        draft = self._drafting.draft(
            await read_metadata(request),
            caller=caller,
            all_drives=sees_all_drives(request),
            default_type=request.headers.get("X-Upload-Content-Type", OCTET_STREAM),
        )
        self._drafting.check_room(total or 0)
        fields = request.query.get("fields", "")
        session = self._sessions.open(draft, total=total, fields=fields)
        if self._faults.take(LostStartAnswer, Kind.START) is not None:
            raise CutOff
        location = (
            request.url.origin()
            .with_path(PATH)
            .with_query({"uploadType": "resumable", SESSION_PARAM: session.id})
        )
        return web.Response(headers={"Location": str(location)})

    async def put(self, request: web.Request, _: Caller) -> web.StreamResponse:
        """Take a chunk or a status query; answer 308 until the file is whole."""
        kind = kind_of_upload(request)
        session = self._sessions.find(request.query.get(SESSION_PARAM, ""))
        if session is not None and self._faults.take(ExpiredSession, kind) is not None:
            self._sessions.expire(session)
            session = None
        if session is None:
            raise DriveRefusal(404, "notFound", "There is no such upload session.")
        if session.file_id:
            return self._completed(request, session)
        turn = session.begin_turn()
        await session.settled()
        part = parse_range(request.headers.get("Content-Range"), length=_body_length(request))
        match part:
            case Query():
                check_total(part.total, total=session.total)
            case Chunk():
                check_chunk(part, received=session.received, total=session.total)
                await pour(request, session, chunk=part, turn=turn, faults=self._faults)
            case _:
                assert_never(part)
        if session.total is None:
            session.total = part.total
        if not session.is_whole:
            return _incomplete(session)
        return await self._finish(request, session)

    def _completed(self, request: web.Request, session: Session) -> web.Response:
        """Answer again for a session that is a file by now, as long as the file is there."""
        item = self._store.get(session.file_id, all_drives=True)
        return self._files.show(request, item, fields=session.fields)

    async def _finish(self, request: web.Request, session: Session) -> web.StreamResponse:
        """Make the file, unless another request of the same session was faster."""
        async with session.ending:
            if session.file_id:
                return self._completed(request, session)
            flip = self._faults.take(FlipByte, Kind.CHUNK) if session.received else None
            sent = session.checksums()
            held = sent if flip is None else await asyncio.to_thread(_spoil, session.path)
            content = Content(
                size=session.received,
                checksums=self._reported(sent if flip and not flip.honest else held),
                held_sha256=held["sha256Checksum"],
                revision=new_id(),
            )
            item = replace(session.draft, id=session.draft.id or new_id(), content=content)
            for parent in item.parents:
                self._store.get(parent, all_drives=True)
            self._store.take_in(item, session.path)
            self._sessions.complete(session, item.id)
        if self._faults.take(LostLastAnswer, Kind.CHUNK) is not None:
            raise CutOff
        return self._files.show(request, item, fields=session.fields)

    def _reported(self, checksums: dict[str, str]) -> dict[str, str]:
        """Leave out of the checksums what a fault hides."""
        if self._faults.take(MissingChecksums, Kind.CHUNK) is not None:
            return {}
        if self._faults.take(MissingSha256, Kind.CHUNK) is not None:
            return {"md5Checksum": checksums["md5Checksum"]}
        return checksums


class ChunkWriter:
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
    pouring = ChunkWriter(session, chunk, turn=turn, until=until)
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


def kind_of_upload(request: web.Request) -> Kind:
    """Tell a start, which has no session yet, from a status query, and that from a chunk."""
    if request.method == "POST" and SESSION_PARAM not in request.query:
        return Kind.START
    is_query = request.headers.get("Content-Range", "").startswith("bytes */")
    return Kind.QUERY if is_query else Kind.CHUNK


def _declared_length(request: web.Request) -> int | None:
    text = request.headers.get("X-Upload-Content-Length")
    if text is None:
        return None
    if not text.isdigit() or int(text) > MAX_UPLOAD_BYTES:
        raise invalid("X-Upload-Content-Length must be a number of bytes, at most 5 TB.")
    return int(text)


def _incomplete(session: Session) -> web.Response:
    headers = {"Range": f"bytes=0-{session.received - 1}"} if session.received else {}
    return web.Response(status=308, headers=headers)


def _body_length(request: web.Request) -> int | None:
    """Give how long the body is; None if its sender did not say."""
    return request.content_length if request.body_exists else 0


def _spoil(path: Path) -> dict[str, str]:
    """Flip a bit in the middle of a file; give the checksums of what it holds now. Blocks."""
    with path.open("r+b") as file:
        middle = path.stat().st_size // 2
        file.seek(middle)
        byte = file.read(1)[0]
        file.seek(middle)
        file.write(bytes([byte ^ 1]))
    return digests_of(path).report()

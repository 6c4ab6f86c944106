"""Read a hand-in from the wire: a form, or a raw body with fields beside it."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import BodyPartReader, web

from standin.registry.store import Parcel, RegistryStore
from standin.sink import PIECE_BYTES, HashingFile

FORM_PIECE_BYTES = 1024 * 1024
"""More than aiohttp ever buffers of a body: asked for less, its form reader may have to push bytes
back, which it warns about as deprecated, and a warning is an error in tests."""

MAX_FIELD_BYTES = 64 * 1024
MAX_FIELDS = 64

Pace = Callable[[int], Awaitable[None]]
"""Called before each piece with the bytes read so far; may hold the reading up."""


class BadBody(ValueError):
    """Say why a body is no hand-in."""


async def receive(request: web.Request, store: RegistryStore, *, pace: Pace) -> Parcel:
    """Stream the body of `request` to a file; raise BadBody if it is no hand-in.

    The caller removes the parcel's file unless the store used it up.
    """
    path = store.new_path()
    fields: dict[str, str] = {}
    try:
        with HashingFile(path) as sink:
            if request.content_type == "multipart/form-data":
                await _read_form(request, sink, fields=fields, pace=pace)
            else:
                fields.update(_raw_fields(request))
                await _pour(_pieces(request), sink, pace=pace)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Parcel(
        path=path,
        sha256=sink.sha256,
        size=sink.size,
        idempotency_key=request.headers.get("Idempotency-Key", ""),
        fields=fields,
    )


async def _read_form(
    request: web.Request, sink: HashingFile, *, fields: dict[str, str], pace: Pace
) -> None:
    has_file = False
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise BadBody("a part of the form is a form of its own; send plain parts")
            if part.filename is None and part.name != "file":
                fields[part.name or ""] = await _read_field(part, count=len(fields))
                continue
            if has_file:
                raise BadBody("the form has two files; send one file a request")
            has_file = True
            fields.setdefault("filename", part.filename or "")
            await _pour(_part_pieces(part), sink, pace=pace)
    except ValueError as error:
        raise BadBody(f"the form cannot be read: {error}") from error
    if not has_file:
        raise BadBody('the form has no file; send it in a part named "file"')


async def _read_field(part: BodyPartReader, *, count: int) -> str:
    if count >= MAX_FIELDS:
        raise BadBody(f"the form has more than {MAX_FIELDS} fields")
    value = b""
    while piece := await part.read_chunk(FORM_PIECE_BYTES):
        value += piece
        if len(value) > MAX_FIELD_BYTES:
            raise BadBody(f"the field {part.name!r} is longer than {MAX_FIELD_BYTES} bytes")
    return value.decode("utf-8", "replace")


def _raw_fields(request: web.Request) -> dict[str, str]:
    """Take fields from `X-Name` headers and from the query; the query wins."""
    headers = {
        name[2:].lower().replace("-", "_"): value
        for name, value in request.headers.items()
        if name.lower().startswith("x-")
    }
    return {**headers, **request.query}


async def _pour(pieces: AsyncIterator[bytes], sink: HashingFile, *, pace: Pace) -> None:
    await pace(sink.size)
    async for piece in pieces:
        await sink.write(piece)
        await pace(sink.size)


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    while piece := await request.content.read(PIECE_BYTES):
        yield piece


async def _part_pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(FORM_PIECE_BYTES):
        yield piece

import asyncio

import pytest
from aiohttp import BodyPartReader, MultipartReader, StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter
from hypothesis import example, given
from hypothesis import strategies as st

from sync.destinations.http.body import SLICE, Body, Framing, form, quoted
from tests.destination_fakes import EndlessContent, MemoryContent
from titip.errors import AttemptFailed

NAMES = st.text(max_size=40)


class Wire(StreamWriter):
    """Collects what aiohttp would send."""

    def __init__(self):
        self.slices: list[bytes] = []

    async def write(self, chunk, *, drain=True, LIMIT=0):  # noqa: N803  (aiohttp's word)
        self.slices.append(bytes(chunk))


def sent(content, framing):
    wire = Wire()
    counted: list[int] = []
    whole: list[bool] = []
    body = Body(content, framing, wrote=counted.append, whole=lambda: whole.append(True))
    asyncio.run(body.write(wire))
    return body, wire.slices, sum(counted), len(whole)


async def parts_of(framing, data):
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), limit=1 << 16, loop=loop)
    stream.feed_data(data)
    stream.feed_eof()
    reader = MultipartReader({"Content-Type": framing.content_type}, stream)
    parts = []
    while (part := await reader.next()) is not None:
        assert isinstance(part, BodyPartReader)
        parts.append((part.name, part.filename, bytes(await part.read())))
    return parts


@example(filename=";;", content=b"")
@example(filename="\\", content=b"")
@given(filename=NAMES, content=st.binary(max_size=3000))
def test_another_parser_reads_the_form_back(filename, content):
    framing = form(
        {"submitter": "Pasangan 3", "catatan": "dua\r\nbaris"},
        file_field="file",
        file_name=filename,
        boundary="titip-0123",
    )

    _, slices, counted, whole = sent(MemoryContent(content), framing)
    parts = asyncio.run(parts_of(framing, b"".join(slices)))

    assert [part[0] for part in parts] == ["submitter", "catatan", "file"]
    assert parts[1][2] == b"dua\r\nbaris"
    assert parts[2][1] is not None
    assert parts[2][2] == content
    assert counted == len(content)
    assert whole == 1


@given(NAMES)
def test_a_name_cannot_leave_its_quotes(name):
    spelt = quoted(name)

    assert not set(spelt) & {'"', "\r", "\n", "\x00", "\\", ";"}


def test_a_name_in_any_script_stays_readable():
    assert quoted('ᬩᬮᬶ "surat".pdf') == "ᬩᬮᬶ %22surat%22.pdf"


def test_the_declared_length_is_the_one_that_leaves_in_fine_slices():
    framing = form({"a": "b"}, file_field="file", file_name="x", boundary="b")
    content = EndlessContent(3 * (1 << 20) + 17)

    body, slices, counted, _ = sent(content, framing)

    assert sum(map(len, slices)) == body.size
    assert counted == content.size
    assert max(map(len, slices)) <= SLICE


@pytest.mark.parametrize("tail", [b"", b"--b--"])
def test_a_body_may_arrive_from_the_moment_its_last_slice_leaves(tail):
    wire = Wire()
    written: list[int] = []
    framing = Framing("application/octet-stream", tail=tail)
    body = Body(
        EndlessContent(3 * SLICE),
        framing,
        wrote=lambda _: None,
        whole=lambda: written.append(sum(map(len, wire.slices))),
    )

    asyncio.run(body.write(wire))

    assert written == [sum(map(len, wire.slices[:-1]))]
    assert sum(map(len, wire.slices)) == body.size


def test_an_empty_raw_body_is_whole_at_once():
    body, slices, counted, whole = sent(MemoryContent(b""), Framing("application/octet-stream"))

    assert (body.size, slices, counted, whole) == (0, [], 0, 1)


def test_a_body_that_was_let_go_reads_no_more():
    body = Body(
        MemoryContent(b"abc"), Framing("text/plain"), wrote=lambda _: None, whole=lambda: None
    )

    async def let_go_and_write():
        await body.settled()
        await body.write(Wire())

    with pytest.raises(AttemptFailed) as caught:
        asyncio.run(let_go_and_write())

    assert body.fault is caught.value

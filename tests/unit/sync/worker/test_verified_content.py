"""A content that hands out the whole of a file only when it is the sealed one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.worker.verified_content import SMALL, VerifiedContent
from tests.destination_fakes import EndlessContent, MemoryContent, a_parcel, a_parcel_of
from titip.errors import ContentDamaged

LARGE = bytes(range(251)) * 9_000
"""More than is proved at once."""


class Rotting:
    """Bytes that can change between two reads, with a count of what was read."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.size = len(data)
        self.read_bytes = 0

    def read(self, offset, size):
        piece = bytes(self.data[offset : offset + size])
        self.read_bytes += len(piece)
        return piece

    def rot(self, at):
        self.data[at] ^= 1


def checked(inner, data=LARGE, **fields):
    return VerifiedContent(inner, replace(a_parcel(data).upload, **fields))


def drained(content, step=1 << 18):
    given = bytearray()
    while len(given) < content.size:
        given += content.read(len(given), step)
    return bytes(given)


@pytest.mark.parametrize("data", [b"", b"x", LARGE], ids=["empty", "small", "large"])
def test_whole_bytes_are_given_as_they_are(data):
    content = checked(Rotting(data), data)

    content.prove()

    assert drained(content) == data
    assert content.read(len(data), 10) == b""


@pytest.mark.parametrize("at", [0, len(LARGE) // 2, len(LARGE) - 1])
def test_of_a_large_file_that_changed_the_last_piece_is_never_given(at):
    inner = Rotting(LARGE)
    inner.rot(at)
    content = checked(inner)
    last = len(LARGE) - 1000
    content.prove()

    content.read(0, last)

    with pytest.raises(ContentDamaged, match="not the sealed ones"):
        content.read(last, 1000)
    with pytest.raises(ContentDamaged):
        content.read(last, 1000)


def test_of_a_small_file_that_changed_nothing_is_given():
    inner = Rotting(b"papers")
    inner.rot(5)

    with pytest.raises(ContentDamaged):
        checked(inner, b"papers").prove()
    with pytest.raises(ContentDamaged):
        checked(inner, b"papers").read(0, 1)


def test_a_small_file_is_read_once_and_kept():
    inner = Rotting(b"papers")
    content = checked(inner, b"papers")
    content.prove()
    inner.rot(0)

    assert content.read(0, 3) + content.read(0, 6) == b"pappapers"
    assert inner.read_bytes == 6


def test_a_read_that_leaps_digests_what_it_leapt_over():
    inner = Rotting(LARGE)
    inner.rot(7)
    content = checked(inner)

    content.read(SMALL + 17, 1000)

    with pytest.raises(ContentDamaged):
        content.read(SMALL + 1017, len(LARGE))


def test_a_chunk_that_is_read_again_counts_as_it_was_given_last():
    inner = Rotting(LARGE)
    content = checked(inner)
    content.read(0, 1 << 20)
    inner.rot(SMALL - 5)
    content.read(1 << 19, 1 << 20)

    with pytest.raises(ContentDamaged):
        content.read((1 << 19) + (1 << 20), len(LARGE))


def test_a_last_chunk_that_is_read_again_is_proved_again():
    inner = Rotting(LARGE)
    content = checked(inner)
    drained(content)
    inner.rot(len(LARGE) - 1)

    with pytest.raises(ContentDamaged):
        content.read(len(LARGE) - 10, 10)


def test_going_back_a_chunk_reads_no_more_than_that_chunk():
    inner = Rotting(LARGE)
    content = checked(inner)
    content.read(0, 1 << 20)
    content.read(1 << 20, 1 << 20)
    before = inner.read_bytes

    content.read(1 << 20, 1 << 20)

    assert inner.read_bytes - before == 1 << 20


@given(st.lists(st.tuples(st.integers(0, len(LARGE)), st.integers(0, 1 << 21)), max_size=12))
def test_any_reads_in_any_order_give_the_sealed_bytes(reads):
    content = checked(MemoryContent(LARGE))

    given = [content.read(offset, size) for offset, size in reads]

    wanted = [LARGE[offset : offset + size] for offset, size in reads]
    assert all(part == whole[: len(part)] for part, whole in zip(given, wanted, strict=True))
    assert drained(content) == LARGE


@given(
    at=st.integers(0, len(LARGE) - 1),
    reads=st.lists(st.tuples(st.integers(0, len(LARGE) - 2), st.integers(1, 1 << 21)), max_size=8),
)
def test_no_order_of_reads_gives_the_last_byte_of_a_changed_file(at, reads):
    inner = Rotting(LARGE)
    inner.rot(at)
    content = checked(inner)

    for offset, size in [*reads, (0, len(LARGE)), (len(LARGE) - 1, 1)]:
        if offset + size >= len(LARGE):
            with pytest.raises(ContentDamaged):
                content.read(offset, size)
        else:
            content.read(offset, size)


def test_missing_cut_and_marked_bytes_are_known_before_the_first_is_given():
    for content in (
        checked(None),
        checked(Rotting(LARGE[:-1])),
        checked(Rotting(LARGE + b"x")),
        checked(Rotting(LARGE), damaged_at=a_parcel(LARGE).upload.created_at),
    ):
        with pytest.raises(ContentDamaged):
            content.prove()
        with pytest.raises(ContentDamaged):
            content.read(0, 1)


def test_a_file_that_becomes_shorter_while_it_is_read_is_damaged():
    inner = Rotting(LARGE)
    content = checked(inner)
    content.read(0, 1000)
    del inner.data[2000:]

    with pytest.raises(ContentDamaged, match="fewer bytes"):
        drained(content)


def test_a_large_file_is_held_by_nobody():
    endless = EndlessContent(64 << 20)
    content = VerifiedContent(endless, a_parcel_of(endless.size, endless.sha256).upload)

    offset = 0
    while piece := content.read(offset, 1 << 20):
        offset += len(piece)

    assert offset == endless.size
    assert content.read(endless.size - 1, 1)

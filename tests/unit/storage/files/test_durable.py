"""Bytes on their way to the disk: all of them, at their place, however little it takes at once."""

import os
import tempfile
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.files.durable import write_at


@given(
    pieces=st.lists(st.binary(max_size=8), max_size=8),
    takes=st.lists(st.integers(1, 20), max_size=20),
    offset=st.integers(0, 9),
)
def test_what_a_write_leaves_is_written_by_the_next(pieces, takes, offset):
    limits = chain(takes, repeat(20))

    def short(fd, views, at):
        data = b"".join(views)
        assert data, "a write of nothing would be repeated for ever"
        return os.pwrite(fd, data[: next(limits)], at)

    with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwritev", short)
        wrote = write_at(file.fileno(), pieces, offset)
        there = file.read()

    whole = b"".join(pieces)
    assert wrote == len(whole)
    assert there == (bytes(offset) + whole if whole else b"")

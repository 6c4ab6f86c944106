from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.chunk_sizer import MIB, ChunkLimits, ChunkSizer
from client.errors import BadOptions


@given(st.lists(st.one_of(st.none(), st.floats(0, 1000)), max_size=60))
def test_the_size_stays_between_its_limits_whatever_happens(events):
    limits = ChunkLimits()
    pace = ChunkSizer(limits)

    for seconds in events:
        if seconds is None:
            pace.went_wrong()
        else:
            pace.went_well(pace.size, seconds=seconds)

        assert limits.floor <= pace.size <= limits.ceiling


def test_a_swift_line_reaches_the_largest_chunk_in_four():
    pace = ChunkSizer(ChunkLimits())

    for _ in range(4):
        pace.went_well(pace.size, seconds=0.5)

    assert pace.size == 64 * MIB


def test_a_swift_last_piece_says_nothing_about_the_line():
    pace = ChunkSizer(ChunkLimits())

    pace.went_well(1000, seconds=0.01)

    assert pace.size == 4 * MIB


def test_a_slow_chunk_makes_the_next_one_smaller():
    pace = ChunkSizer(ChunkLimits())

    pace.went_well(pace.size, seconds=200)

    assert pace.size == 2 * MIB


def test_the_smallest_chunk_cannot_be_halved():
    pace = ChunkSizer(ChunkLimits(start=2, floor=1, ceiling=4))

    assert [pace.went_wrong(), pace.went_wrong()] == [True, False]


def test_limits_out_of_order_are_refused():
    with pytest.raises(BadOptions):
        ChunkLimits(start=1, floor=2, ceiling=3)

"""What an attempt may send is bounded, whatever is taken of it and given up again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.waste import MOST_FALLS, Waste

LENGTH, CHUNK, MOST_SHORT = 100, 10, 8


@given(answers=st.lists(st.integers(0, 10) | st.integers(-LENGTH, 10), min_size=400, max_size=400))
def test_however_a_far_side_goes_on_and_back_what_is_sent_is_bounded(answers):
    waste, offset, sent, chunks = Waste(length=LENGTH, most_short=MOST_SHORT), 0, 0, 0
    while offset < LENGTH and not (waste.falls_too_often or waste.is_too_much):
        size = min(CHUNK, LENGTH - offset)
        gained = max(min(answers.pop(), size), -offset)
        waste = waste.after(sent=size, gained=gained)
        offset, sent, chunks = offset + gained, sent + size, chunks + 1

    assert sent <= 2 * LENGTH + (MOST_SHORT + 1) * CHUNK
    assert chunks <= 2 * LENGTH // CHUNK + (MOST_SHORT + 1) * (MOST_FALLS + 2)


def test_a_far_side_that_takes_all_wastes_nothing():
    waste = Waste(length=LENGTH, most_short=MOST_SHORT)
    for _ in range(1000):
        waste = waste.after(sent=CHUNK, gained=CHUNK)

    assert not waste.lost
    assert not waste.is_too_much


@pytest.mark.parametrize(
    ("taken", "too_much"),
    [
        ([0] * 7, False),
        ([0] * 8, True),
        ([0] * 7 + [10] + [0] * 7, False),
        ([9] * 7 + [10, 0, 9], False),
        ([5, 10] * 36, False),
        ([5, 10] * 36 + [9], True),
    ],
)
def test_too_much_is_wasted_by_eight_short_chunks_in_a_row_or_by_more_than_it_has(taken, too_much):
    waste = Waste(length=LENGTH, most_short=MOST_SHORT)
    for gained in taken:
        waste = waste.after(sent=CHUNK, gained=gained)

    assert waste.is_too_much is too_much


def test_a_far_side_that_stands_still_has_not_gone_back():
    waste = Waste(length=LENGTH, most_short=MOST_SHORT)
    for _ in range(MOST_FALLS + 1):
        waste = waste.after(sent=CHUNK, gained=0)

    assert not waste.falls_too_often


@pytest.mark.parametrize(("falls", "too_often"), [(MOST_FALLS, False), (MOST_FALLS + 1, True)])
def test_a_far_side_may_go_back_a_few_times(falls, too_often):
    waste = Waste(length=LENGTH, most_short=MOST_SHORT)
    for _ in range(falls):
        waste = waste.after(sent=1, gained=1).after(sent=0, gained=-1)

    assert waste.falls_too_often is too_often
    assert not waste.is_too_much

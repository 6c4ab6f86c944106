from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from client.metadata import describe
from client.plan import Item
from titip import metadata

NAMES = st.text(min_size=1, max_size=30).filter(lambda name: "/" not in name and "\0" not in name)


@given(NAMES, st.integers(-(1 << 63), (1 << 63) - 1))
def test_any_name_and_moment_makes_a_header_that_can_be_read_back(name, mtime_ns):
    item = Item(Path("in") / name, name, 1, mtime_ns)

    pairs = describe(item, "ab")

    assert all(pairs.values())
    raw = {key: value.encode() for key, value in pairs.items()}
    assert metadata.parse(metadata.render(raw)) == raw


def test_the_kind_is_told_by_the_ending_alone():
    item = Item(Path("data:text,x.PDF"), "x", 1, 0)

    assert describe(item, "ab")["filetype"] == "application/pdf"


def test_an_unknown_kind_is_left_out():
    assert "filetype" not in describe(Item(Path("x"), "x", 1, 0), "ab")


def test_a_name_that_is_not_unicode_is_still_sent():
    pairs = describe(Item(Path("a\udcff.pdf"), "a\udcff.pdf", 1, 0), "ab")

    assert pairs["filename"] == "a\N{REPLACEMENT CHARACTER}.pdf"

"""What is drawn for the two senders: none of it depends on how a race before it ended."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tests.stateful.two_clients.belief import Proof, Shape
from tests.stateful.two_clients.stage import REST, TOO_LONG

GRAINS: Final = st.sampled_from([1, 1, 1, 1, 1, 1, 1, 4000])
"""Bytes that stand for one: some bodies are larger than what is read or kept at once."""

SENDERS: Final = st.integers(0, 1)
SHARES: Final = st.integers(0, 5)
LENGTHS: Final = st.integers(1, 90)
SIZES: Final = st.sampled_from([1, 2, 3, 5, 8, 13, 21, 21, 0, REST, REST, TOO_LONG])
FIRST_SIZES: Final = st.sampled_from([0, 0, 0, 0, 1, 5, 13, 30, 30, REST, TOO_LONG])
STALLED_SIZES: Final = st.sampled_from([5, 8, 13, 21, 34, REST, REST, 0, TOO_LONG])
PLACES: Final = st.sampled_from(["here", "here", "here", "here", "behind", "ahead", "start"])
PROOFS: Final = st.sampled_from([Proof.NONE, Proof.NONE, Proof.NONE, Proof.RIGHT, Proof.WRONG])
SHAPES: Final = st.builds(Shape, st.sampled_from([0, 0, 1, 5, 17]), st.booleans())

KEYS: Final = st.sampled_from(["a", "b"])
KEYED_LENGTHS: Final = (30, 60)
"""Few, so that a key is often sent again with the same one."""

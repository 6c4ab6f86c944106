from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.errors import DigestMismatch
from client.proof import compare, digest_in, hex_digest


@given(st.binary())
def test_a_repr_digest_is_read_among_others(content):
    digest = hashlib.sha256(content)
    value = base64.b64encode(digest.digest()).decode()

    assert digest_in(f"md5=:AAAA:, sha-256=:{value}:,sha-512=:AAAA:") == digest.hexdigest()


@given(st.text())
def test_anything_else_is_no_digest(text):
    assert digest_in(text) in {"", text}


@pytest.mark.parametrize("field", ["", "sha-256=:AAAA:", "sha-256=:A:", "x-sha-256=:AAAA:"])
def test_a_broken_field_is_no_digest(field):
    assert digest_in(field) == ""


@pytest.mark.parametrize("value", [None, 1, "", "abc", "g" * 64])
def test_only_64_hex_digits_are_a_digest(value):
    assert hex_digest(value) == ""


def test_different_digests_are_disputed_with_both_named():
    with pytest.raises(DigestMismatch, match=r"u1.*bb.*aa"):
        compare(upload="u1", here="aa", there="bb", sealed_at="")

"""Digest fields (RFC 9530): which are read, and what counts as not sent."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.protocol import digest_fields
from gateway.protocol.checksum import Checksum

SHA256 = hashlib.sha256(b"x").digest()
SHA512 = hashlib.sha512(b"x").digest()


def field(**named):
    return ", ".join(
        f"{name.replace('_', '-')}=:{base64.b64encode(digest).decode()}:"
        for name, digest in named.items()
    )


def content(*values):
    return digest_fields.content_digest(CIMultiDict(("Content-Digest", value) for value in values))


def test_no_field_is_no_digest():
    assert content() is None
    assert not digest_fields.declared_sha256(CIMultiDict())


@pytest.mark.parametrize(
    ("value", "checksum"),
    [
        (field(sha_256=SHA256), Checksum("sha256", SHA256)),
        (field(sha_512=SHA512), Checksum("sha512", SHA512)),
        (field(sha_256=SHA256, sha_512=SHA512), Checksum("sha512", SHA512)),
        (field(md5=b"0" * 16, sha_256=SHA256), Checksum("sha256", SHA256)),
        (field(sha_256=SHA256) + ";a=1", Checksum("sha256", SHA256)),
    ],
)
def test_the_strongest_known_algorithm_counts(value, checksum):
    assert content(value) == checksum


def test_the_lines_of_a_field_are_one_dictionary():
    assert content(field(md5=b"0"), field(sha_256=SHA256)) == Checksum("sha256", SHA256)


@pytest.mark.parametrize(
    "value",
    ["", "sha-256", "sha-256=1", 'sha-256="x"', field(sha_256=b"short"), "sha-256=(:eA==:)", "=é"],
)
def test_what_cannot_be_read_counts_as_not_sent(value):
    assert content(value) is None
    assert not digest_fields.declared_sha256(CIMultiDict({"Repr-Digest": value}))


def test_a_declared_digest_is_given_in_hex_and_written_the_same_way():
    fields = CIMultiDict({"Repr-Digest": field(sha_512=SHA512, sha_256=SHA256)})

    told = digest_fields.declared_sha256(fields)

    assert told == SHA256.hex()
    assert digest_fields.repr_digest(told) == field(sha_256=SHA256)


@pytest.mark.parametrize(
    ("wants", "told"),
    [
        (None, True),
        ("sha-256=1", True),
        ("sha-256=10, sha-512=3", True),
        ("sha-256=0", False),
        ("sha-512=3", True),
        ("nonsense;;", True),
    ],
)
def test_the_digest_is_told_unless_its_weight_is_zero(wants, told):
    fields = CIMultiDict({} if wants is None else {"Want-Repr-Digest": wants})

    assert digest_fields.is_wanted(fields) is told


@given(value=st.text(max_size=60), name=st.sampled_from(["sha-256", "sha-512"]))
def test_any_text_is_read(value, name):
    for text in (value, f"{name}={value}", f"{name}=:{value}:"):
        fields = CIMultiDict(
            {"Content-Digest": text, "Repr-Digest": text, "Want-Repr-Digest": text}
        )

        digest_fields.content_digest(fields)
        digest_fields.is_wanted(fields)

        assert len(digest_fields.declared_sha256(fields)) in {0, 64}

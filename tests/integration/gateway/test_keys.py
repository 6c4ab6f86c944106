"""Idempotency-Key at creation: a lost answer costs no second upload."""

import pytest

from tests.gateway_fixtures import BYTES

KEY = {"Idempotency-Key": '"abc.DEF-1"'}


@pytest.mark.holds("titip:key-once")
async def test_a_creation_sent_again_is_answered_with_the_first_upload(gate):
    told = {"Upload-Length": "6", **BYTES, **KEY}
    async with gate.ask("POST", "/files/", told, body=b"papers") as first:
        assert first.status == 201

    async with gate.ask("POST", "/files/", told, body=b"papers") as again:
        assert again.status == 201

    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Upload-Offset"] == "6"
    assert again.headers["Repr-Digest"] == first.headers["Repr-Digest"]
    assert len(gate.store.uploads) == 1


@pytest.mark.holds("titip:key-once")
async def test_a_half_done_upload_is_found_with_its_offset(gate):
    path = await gate.created(10, body=b"0123", headers=KEY)

    told = {"Upload-Length": "10", **KEY}
    async with gate.ask("POST", "/files/", told) as again:
        assert again.status == 201
        assert again.headers["Location"].endswith(path)
        assert again.headers["Upload-Offset"] == "4"


async def test_a_key_of_another_submitter_is_another_key(gate):
    mine = await gate.created(6, body=b"papers", headers=KEY)
    theirs = await gate.created(6, body=b"papers", headers=KEY, of=gate.stranger)

    assert mine != theirs


async def test_a_key_used_for_a_file_of_another_length_is_refused(gate):
    await gate.created(6, body=b"papers", headers=KEY)

    async with gate.ask("POST", "/files/", {"Upload-Length": "7", **KEY}) as answer:
        assert answer.status == 422
        assert (await answer.json())["type"] == "urn:titip:problem:key-reused"
    assert len(gate.store.uploads) == 1


@pytest.mark.parametrize("key", ['""', '"a b"', '"é"', '"' + "x" * 129 + '"'])
async def test_a_key_out_of_form_is_refused(gate, key):
    headers = {"Upload-Length": "1", "Idempotency-Key": key}

    async with gate.ask("POST", "/files/", headers) as answer:
        assert answer.status == 400
    assert gate.store.uploads == {}

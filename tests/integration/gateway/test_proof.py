"""The digest of the whole: declared by its sender, compared before the seal, told ever after."""

import base64
import hashlib

import pytest

from tests.gateway_fixtures import BYTES, gateway
from titip.upload import UploadState

WHOLE = b"surat pernyataan"
SPOILT = b"surat pernyatbbn"


def repr_digest(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def in_metadata(data):
    return "sha256 " + base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode()


DECLARED = [{"Repr-Digest": repr_digest(WHOLE)}, {"Upload-Metadata": in_metadata(WHOLE)}]


@pytest.mark.holds("titip:proof-declared", "titip:proof-told", "tus:creation-metadata-used")
@pytest.mark.parametrize("declared", DECLARED)
async def test_the_whole_that_was_declared_is_sealed_and_told(tmp_path, declared):
    async with gateway(tmp_path) as titip:
        path = await titip.created(len(WHOLE), headers=declared)
        async with titip.append(path, 0, WHOLE) as answer:
            assert answer.status == 204
        async with titip.ask("HEAD", path) as head, titip.ask("GET", path) as got:
            body = await got.read()

        told = {one.headers["Repr-Digest"] for one in (answer, head, got)}
        assert told == {repr_digest(WHOLE)}
        assert body == WHOLE


@pytest.mark.holds("titip:proof-refused")
@pytest.mark.parametrize("declared", DECLARED)
async def test_another_whole_is_not_sealed_and_may_be_sent_again_from_the_offset(
    tmp_path, declared
):
    async with gateway(tmp_path) as titip:
        path = await titip.created(len(WHOLE), headers=declared)
        async with titip.append(path, 0, SPOILT[:6]):
            pass
        async with titip.append(path, 6, SPOILT[6:]) as answer:
            problem = await answer.json()
        offset = await titip.offset(path)
        async with titip.append(path, offset, WHOLE[offset:]) as again:
            pass

        assert (answer.status, problem["type"]) == (422, "urn:titip:problem:digest-mismatch")
        assert answer.headers["Upload-Offset"] == "6"
        assert offset == 6
        assert again.status == 204
        assert titip.kept(path) == WHOLE


@pytest.mark.holds("titip:proof-refused")
async def test_a_creation_with_another_whole_leaves_nothing(tmp_path):
    async with gateway(tmp_path) as titip:
        headers = {"Upload-Length": str(len(WHOLE)), **BYTES, **DECLARED[0]}

        async with titip.ask("POST", "/files/", headers, body=SPOILT) as answer:
            assert answer.status == 422
            assert "Location" not in answer.headers

        assert not titip.store.uploads


async def test_an_empty_file_of_a_declared_digest_is_refused_too(tmp_path):
    async with gateway(tmp_path) as titip:
        async with titip.ask("POST", "/files/", {"Upload-Length": "0", **DECLARED[0]}) as answer:
            assert answer.status == 422

        assert not titip.store.uploads


@pytest.mark.holds("titip:proof-refused")
async def test_the_same_wrong_file_is_refused_each_time(tmp_path):
    async with gateway(tmp_path) as titip:
        path = await titip.created(len(WHOLE), headers=DECLARED[0])

        for _ in range(2):
            async with titip.append(path, 0, SPOILT) as answer:
                assert answer.status == 422

        assert [one.state for one in titip.store.uploads.values()] == [UploadState.OPEN]
        assert await titip.offset(path) == 0


async def test_a_content_digest_guards_one_body(tmp_path):
    async with gateway(tmp_path) as titip:
        path = await titip.created(len(WHOLE))

        async with titip.append(path, 0, SPOILT, {"Content-Digest": repr_digest(WHOLE)}) as wrong:
            pass
        async with titip.append(path, 0, WHOLE, {"Content-Digest": repr_digest(WHOLE)}) as right:
            pass

        assert (wrong.status, right.status) == (460, 204)
        assert titip.kept(path) == WHOLE

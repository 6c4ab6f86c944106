"""tus over a real socket: handing in, from the first byte to the seal."""

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from gateway.options import Auth, GatewayOptions
from tests.fakes import utc_now
from tests.gateway_fixtures import BYTES, TUS, gateway, id_of
from titip.upload import UploadState

MIB = 1 << 20


def digest_header(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def checksum(algorithm, data):
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


@pytest.mark.holds(
    "tus:core-implemented",
    "tus:core-patch-applied",
    "tus:core-patch-pieces",
    "tus:core-patch-204",
    "tus:core-patch-offset",
    "tus:core-patch-offset-sum",
    "tus:expiration-patch",
    "titip:proof-told",
)
async def test_a_file_is_handed_in_piece_by_piece_and_sealed(gate):
    data = bytes(range(256)) * (10 * 1024)
    path = await gate.created(len(data))

    async with gate.append(path, 0, data[:MIB]) as first:
        pass
    async with gate.append(path, MIB, data[MIB:]) as last:
        pass

    assert (first.status, first.headers["Upload-Offset"]) == (204, str(MIB))
    assert parsedate_to_datetime(first.headers["Upload-Expires"]) > utc_now()
    assert (last.status, last.headers["Upload-Offset"]) == (204, str(len(data)))
    assert last.headers["Repr-Digest"] == digest_header(data)
    assert "Upload-Expires" not in last.headers
    assert gate.kept(path) == data
    assert gate.store.uploads[id_of(path)].state is UploadState.SEALED


async def test_a_small_file_costs_one_hop_one_commit_and_one_look_at_its_token(gate):
    async with gate.ask(
        "POST", "/files/", {"Upload-Length": "6", **BYTES}, body=b"papers"
    ) as answer:
        assert answer.status == 201

    assert answer.headers["Upload-Offset"] == "6"
    assert answer.headers["Repr-Digest"] == digest_header(b"papers")
    assert (gate.store.hops, gate.store.commits, gate.tokens.lookups) == (1, 1, 1)


@pytest.mark.holds("tus:with-upload-offset")
async def test_a_creation_may_bring_only_the_beginning(gate):
    path = await gate.created(10, b"01234")

    assert await gate.offset(path) == 5
    async with gate.append(path, 5, b"56789") as answer:
        assert answer.headers["Repr-Digest"] == digest_header(b"0123456789")


@pytest.mark.holds("tus:creation-empty")
async def test_an_empty_file_is_sealed_at_its_creation(gate):
    async with gate.ask("POST", "/files/", {"Upload-Length": "0"}) as answer:
        assert answer.status == 201

    assert answer.headers["Upload-Offset"] == "0"
    assert answer.headers["Repr-Digest"] == digest_header(b"")


@pytest.mark.holds(
    "tus:core-head-offset",
    "tus:core-head-length",
    "tus:core-head-status",
    "tus:core-head-no-store",
    "tus:creation-metadata-echo",
    "tus:creation-metadata-empty",
)
async def test_head_tells_what_is_committed(gate):
    path = await gate.created(10, b"01234", {"Upload-Metadata": "filename YS5wZGY=,empty"})

    async with gate.ask("HEAD", path) as answer:
        assert answer.status == 200

    assert answer.headers["Upload-Offset"] == "5"
    assert answer.headers["Upload-Length"] == "10"
    assert answer.headers["Upload-Metadata"] == "filename YS5wZGY=,empty"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Upload-Expires" in answer.headers


@pytest.mark.holds("tus:creation-location-form")
async def test_the_location_is_absolute(gate):
    async with gate.ask("POST", "/files/", {"Upload-Length": "1"}) as answer:
        assert answer.headers["Location"].startswith(f"{gate.url}/files/")


@pytest.mark.holds("titip:location-public")
async def test_the_location_is_public_where_that_is_set(tmp_path):
    options = GatewayOptions(public_url="https://titip.example/in/")
    async with (
        gateway(tmp_path, options) as gate,
        gate.ask("POST", "/files", {"Upload-Length": "1"}) as answer,
    ):
        assert answer.headers["Location"].startswith("https://titip.example/in/files/")


@pytest.mark.holds("tus:core-offset-conflict")
async def test_a_wrong_offset_is_told_the_right_one_and_changes_nothing(gate):
    path = await gate.created(10, b"01234")

    async with gate.append(path, 4, b"x") as answer:
        assert answer.status == 409

    assert answer.headers["Upload-Offset"] == "5"
    assert gate.kept(path) == b"01234"


@pytest.mark.holds("titip:length-413")
async def test_a_body_that_is_told_to_be_too_long_is_refused_unread(gate):
    path = await gate.created(10, b"01234")

    async with gate.append(path, 5, b"567890") as answer:
        assert answer.status == 413

    assert gate.store.hops == 1
    assert await gate.offset(path) == 5


@pytest.mark.holds("titip:length-413")
async def test_a_chunked_body_that_is_too_long_leaves_nothing_behind(gate):
    path = await gate.created(10, b"01234")

    async def endless():
        yield b"56789"
        yield b"X"

    async with gate.append(path, 5, endless()) as answer:
        assert answer.status == 413

    assert await gate.offset(path) == 5
    assert gate.store.uploads[id_of(path)].state is UploadState.OPEN


async def test_a_chunked_body_may_end_exactly_at_the_length(gate):
    path = await gate.created(2 * MIB)

    async def pieces():
        for _ in range(4):
            yield b"x" * (MIB // 2)

    async with gate.append(path, 0, pieces()) as answer:
        assert answer.status == 204

    assert answer.headers["Repr-Digest"] == digest_header(b"x" * (2 * MIB))


async def test_an_empty_patch_tells_the_offset_and_moves_nothing(gate):
    path = await gate.created(10, b"01234")

    async with gate.append(path, 5, b"") as answer:
        assert (answer.status, answer.headers["Upload-Offset"]) == (204, "5")

    assert gate.store.commits == 1


@pytest.mark.holds("tus:core-offset-conflict", "titip:length-413")
async def test_the_last_patch_sent_again_finds_it_done(gate):
    path = await gate.created(6, b"papers")

    async with gate.append(path, 6, b"") as nothing:
        assert (nothing.status, nothing.headers["Repr-Digest"]) == (204, digest_header(b"papers"))
    async with gate.append(path, 3, b"ers") as again:
        assert (again.status, again.headers["Upload-Offset"]) == (409, "6")
    async with gate.append(path, 6, b"more") as more:
        assert more.status == 413


@pytest.mark.holds("tus:checksum-verified", "tus:checksum-match-204")
@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_checksum_that_fits_is_no_news(gate, algorithm):
    path = await gate.created(10)
    data = b"0123456789"

    async with gate.append(path, 0, data, {"Upload-Checksum": checksum(algorithm, data)}) as answer:
        assert answer.status == 204

    assert gate.kept(path) == data


@pytest.mark.holds("tus:checksum-verified", "tus:checksum-mismatch-460", "tus:checksum-discarded")
async def test_a_checksum_that_does_not_fit_leaves_the_offset_alone(gate):
    path = await gate.created(10, b"01234")
    wrong = {"Upload-Checksum": checksum("sha1", b"other")}

    async with gate.append(path, 5, b"56789", wrong) as answer:
        assert answer.status == 460

    assert await gate.offset(path) == 5
    async with gate.append(path, 5, b"56789") as again:
        assert again.headers["Repr-Digest"] == digest_header(b"0123456789")


@pytest.mark.holds("tus:with-upload-rules")
async def test_a_creation_whose_checksum_does_not_fit_creates_nothing(gate):
    headers = {"Upload-Length": "5", **BYTES, "Upload-Checksum": checksum("sha1", b"other")}

    async with gate.ask("POST", "/files/", headers, body=b"01234") as answer:
        assert answer.status == 460

    assert "Location" not in answer.headers
    assert not gate.store.uploads


@pytest.mark.holds("titip:key-once")
async def test_a_creation_sent_again_under_its_key_is_the_same_upload(gate):
    key = {"Idempotency-Key": '"k"', "Upload-Length": "10", **BYTES}
    path = await gate.created(10, b"01234", key)

    async with gate.ask("POST", "/files/", key) as again:
        assert (again.status, again.headers["Upload-Offset"]) == (201, "5")
    async with gate.ask("POST", "/files/", key, of=gate.stranger) as strange:
        assert strange.headers["Location"] != gate.url + path
    async with gate.append(path, 5, b"56789"):
        pass
    async with gate.ask("POST", "/files/", key, body=b"0123456789") as sealed:
        assert (sealed.status, sealed.headers["Upload-Offset"]) == (201, "10")

    assert again.headers["Location"] == sealed.headers["Location"] == gate.url + path
    assert sealed.headers["Repr-Digest"] == digest_header(b"0123456789")


async def test_a_key_does_not_name_a_file_of_another_length(gate):
    key = {"Idempotency-Key": '"k"'}
    await gate.created(10, b"01234", key)

    async with gate.ask("POST", "/files/", {**key, "Upload-Length": "11"}) as answer:
        assert answer.status == 422


async def test_what_is_here_already_needs_no_room(gate, monkeypatch):
    monkeypatch.setattr("gateway.admission.FRESH", 0)
    key = {"Idempotency-Key": '"k"'}
    path = await gate.created(10, b"0123456789", key)
    gate.store.free = 0

    async with gate.ask("POST", "/files/", {**key, "Upload-Length": "10"}) as known:
        assert (known.status, known.headers["Location"]) == (201, gate.url + path)
    async with gate.ask("POST", "/files/", {"Upload-Length": "10"}) as new:
        assert new.status == 507
    async with gate.ask(
        "POST", "/files/", {"Upload-Length": "10", "Idempotency-Key": '"other"'}
    ) as other:
        assert other.status == 507


@pytest.mark.holds("tus:creation-too-large")
async def test_an_upload_over_the_limit_is_refused(tmp_path):
    async with gateway(tmp_path, GatewayOptions(max_upload=100)) as gate:
        await gate.created(100)

        async with gate.ask("POST", "/files/", {"Upload-Length": "101"}) as answer:
            assert answer.status == 413

        assert answer.headers["Tus-Max-Size"] == "100"


async def test_promises_count_when_room_is_short(tmp_path):
    async with gateway(tmp_path, GatewayOptions(reserve=100)) as gate:
        gate.store.free = 1100
        await gate.created(600)

        async with gate.ask("POST", "/files/", {"Upload-Length": "600"}) as answer:
            assert answer.status == 507

        assert "Retry-After" in answer.headers
        assert "Location" not in answer.headers


@pytest.mark.holds("tus:termination-204", "tus:termination-gone", "tus:core-head-missing")
async def test_an_unfinished_upload_can_be_withdrawn(gate):
    path = await gate.created(10, b"01234")

    async with gate.ask("DELETE", path) as answer:
        assert answer.status == 204

    for ask in (gate.ask("HEAD", path), gate.append(path, 5, b"x"), gate.ask("DELETE", path)):
        async with ask as later:
            assert later.status == 410
            assert "Upload-Offset" not in later.headers


@pytest.mark.holds("tus:termination-sealed")
async def test_custody_cannot_be_withdrawn(gate):
    path = await gate.created(6, b"papers")

    async with gate.ask("DELETE", path) as answer:
        assert answer.status == 403
        assert "custody" in (await answer.json())["detail"]

    assert gate.kept(path) == b"papers"


@pytest.mark.holds("titip:own-only", "tus:core-patch-missing")
@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "GET"])
async def test_a_stranger_cannot_tell_another_s_upload_from_none(gate, method):
    path = await gate.created(10, b"01234")
    headers = {**BYTES, "Upload-Offset": "5"}

    answers = []
    for address in (path, "/files/" + "0" * 32, "/files/none"):
        async with gate.ask(method, address, headers, of=gate.stranger) as answer:
            told = {k: v for k, v in answer.headers.items() if k not in {"X-Request-ID", "Date"}}
            answers.append((answer.status, told, await answer.read()))

    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 404
    assert await gate.offset(path) == 5


async def test_an_operator_may_reach_any_upload_and_owns_what_it_hands_in(gate):
    path = await gate.created(10, b"01234")
    own = await gate.created(1, of=gate.operator)

    async with gate.ask("HEAD", path, of=gate.operator) as answer:
        assert answer.status == 200

    assert gate.store.uploads[id_of(own)].submitter == "operators"


@pytest.mark.holds("tus:core-override", "tus:core-override-actual-ignored")
async def test_a_post_may_stand_for_a_patch(gate):
    path = await gate.created(10, b"01234")
    headers = {**BYTES, "Upload-Offset": "5", "X-HTTP-Method-Override": "PATCH"}

    async with gate.ask("POST", path, headers, body=b"56789") as answer:
        assert answer.status == 204

    assert gate.kept(path) == b"0123456789"


@pytest.mark.holds(
    "tus:core-version-412",
    "tus:core-version-412-lists",
    "tus:core-version-412-unprocessed",
    "tus:core-resumable-missing",
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "HEAD", "DELETE"])
async def test_another_version_is_refused_before_the_token_is_looked_at(gate, method):
    address = gate.url + "/files/" + ("" if method == "POST" else "0" * 32)

    async with gate.session.request(method, address) as answer:
        assert answer.status == 412

    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.holds("tus:core-resumable-everywhere", "titip:resumable-on-errors", "titip:problems")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/files/", 412),
        ("PUT", "/files/" + "0" * 32, 405),
        ("GET", "/files/a/b", 404),
        ("GET", "/files/none", 404),
    ],
)
async def test_every_answer_there_speaks_tus(gate, method, path, status):
    headers = {} if status == 412 else TUS
    sent = {**gate.lo, **headers}

    async with gate.session.request(method, gate.url + path, headers=sent) as answer:
        assert answer.status == status
        assert answer.content_type == "application/problem+json"

    assert answer.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.holds("titip:proof-told", "tus:creation-metadata-checked")
async def test_a_sealed_upload_can_be_fetched_whole_and_in_part(gate):
    name = base64.b64encode("surat dukungan \u00e9.pdf".encode()).decode()
    path = await gate.created(10, b"0123456789", {"Upload-Metadata": f"filename {name}"})

    async with gate.session.get(gate.url + path, headers=gate.lo) as whole:
        assert await whole.read() == b"0123456789"
    async with gate.ask("GET", path, {"Range": "bytes=3-5"}) as part:
        assert (part.status, await part.read()) == (206, b"345")

    assert whole.content_type == "application/octet-stream"
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert whole.headers["Content-Disposition"].startswith("attachment;")
    assert "surat%20dukungan%20%C3%A9.pdf" in whole.headers["Content-Disposition"]
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    assert whole.headers["Repr-Digest"] == digest_header(b"0123456789")


async def test_what_is_not_sealed_or_no_longer_there_cannot_be_fetched(gate):
    unfinished, removed, ended = [await gate.created(n, b"x") for n in (2, 1, 2)]
    gate.store.path(id_of(removed)).unlink()
    async with gate.ask("DELETE", ended):
        pass

    statuses = []
    for path in (unfinished, removed, ended):
        async with gate.ask("GET", path) as answer:
            statuses.append(answer.status)

    assert statuses == [409, 410, 410]


async def test_what_is_known_to_be_damaged_cannot_be_fetched(gate):
    path = await gate.created(10, b"0123456789")
    upload = gate.store.uploads[id_of(path)]
    gate.store.uploads[upload.id] = replace(upload, damaged_at=upload.created_at)

    async with gate.ask("GET", path) as answer:
        told = await answer.json()

    assert (answer.status, told["type"]) == (409, "urn:titip:problem:bytes-damaged")


@pytest.mark.holds("titip:extensions-computed")
async def test_nothing_expires_where_unfinished_uploads_stay(tmp_path):
    async with gateway(tmp_path, GatewayOptions(max_unfinished_age=None)) as gate:
        path = await gate.created(2, b"x")

        async with gate.ask("HEAD", path) as answer:
            assert "Upload-Expires" not in answer.headers
        async with gate.ask("OPTIONS", path) as offered:
            assert "expiration" not in offered.headers["Tus-Extension"]


@pytest.mark.holds("tus:expiration-date")
async def test_expiry_is_an_age_away(tmp_path):
    options = GatewayOptions(max_unfinished_age=timedelta(hours=1))
    async with gateway(tmp_path, options) as gate:
        path = await gate.created(2, b"x")

        async with gate.ask("HEAD", path) as answer:
            expires = parsedate_to_datetime(answer.headers["Upload-Expires"])

        touched = gate.store.uploads[id_of(path)].last_activity
        assert abs(expires - touched - timedelta(hours=1)) <= timedelta(seconds=1)


async def test_without_tokens_everyone_hands_in(tmp_path):
    async with gateway(tmp_path, GatewayOptions(auth=Auth.NONE)) as gate:
        path = await gate.created(1, b"x", of={"Accept": "*/*"})

        assert gate.store.uploads[id_of(path)].submitter == "everyone"


@pytest.mark.holds("titip:heads-fit")
async def test_long_metadata_fits(gate):
    value = base64.b64encode(b"x" * 30_000).decode()

    path = await gate.created(1, headers={"Upload-Metadata": f"note {value}"})

    async with gate.session.head(
        gate.url + path, headers={**gate.lo, **TUS}, max_field_size=1 << 17
    ) as answer:
        assert len(answer.headers["Upload-Metadata"]) > 40_000


@pytest.mark.parametrize(
    ("wanted", "status", "got"),
    [
        ("bytes=2-3", 206, b"23"),
        ("bytes=-2", 206, b"45"),
        ("bytes=4-99", 206, b"45"),
        ("items=0-1", 200, b"012345"),
        ("bytes=3-1", 200, b"012345"),
        ("bytes=0-1,4-5", 200, b"012345"),
        ("bytes=" + "9" * 5000 + "-", 200, b"012345"),
    ],
)
async def test_a_range_is_given_where_it_is_understood_and_ignored_elsewhere(
    gate, wanted, status, got
):
    path = await gate.created(6, b"012345")

    async with gate.ask("GET", path, {"Range": wanted}) as answer:
        assert (answer.status, await answer.read()) == (status, got)
        assert answer.headers["Repr-Digest"]


async def test_a_range_behind_the_end_is_a_problem_that_tells_the_length(gate):
    path = await gate.created(6, b"012345")

    async with gate.ask("GET", path, {"Range": "bytes=6-9"}) as answer:
        problem = await answer.json()

    assert (answer.status, problem["type"]) == (416, "urn:titip:problem:no-range")
    assert answer.headers["Content-Range"] == "bytes */6"


async def test_a_range_that_is_not_understood_harms_nothing_beside_bytes_that_are_no_text(gate):
    path = await gate.created(6, b"012345")
    line = await gate.dial()
    head = f"GET {path} HTTP/1.1\r\nHost: titip\r\nRange: x\r\nX-Odd: ".encode() + b"\x80\r\n"
    head += f"Authorization: {gate.lo['Authorization']}\r\n\r\n".encode()

    await line.send(head)
    status, _ = await line.answer()

    assert status == 200

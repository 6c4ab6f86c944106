"""Each fault of the Drive that stands in, seen from the sender's side."""

import asyncio

import pytest

from standin.drive.server import DriveOptions, serve_drive
from tests.integration.standin.drive_fixtures import CUT, UNIT, Asker, digest, one_try_a_request

BODY = bytes(range(251)) * 4000
SIZE = len(BODY)


@pytest.fixture
async def asker():
    async with (
        one_try_a_request() as http,
        serve_drive(DriveOptions(is_open=True)) as drive,
    ):
        yield Asker(http, drive)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"name": "unauthorized"}, (401, "authError")),
        ({"name": "server_error"}, (503, "backendError")),
        ({"name": "rate_limit", "on": "chunk"}, (403, "userRateLimitExceeded")),
    ],
)
async def test_a_chunk_is_refused_once_and_nothing_of_it_kept(asker, fault, expected):
    session = await asker.session(SIZE)
    asker.drive.set_fault(**fault)

    answer = await asker.put(session, BODY[:UNIT], total=SIZE)
    after = await asker.query(session, SIZE)
    again = await asker.put(session, BODY[:UNIT], total=SIZE)

    assert (answer.status, answer.reason) == expected
    assert "Range" not in after.headers
    assert again.status == 308


async def test_an_expired_session_stays_away(asker):
    session = await asker.session(SIZE)
    asker.drive.set_fault("expired_session")

    answer = await asker.put(session, BODY[:UNIT], total=SIZE)
    after = await asker.query(session, SIZE)

    assert (answer.status, answer.reason) == (404, "notFound")
    assert after.status == 404


async def test_throttling_names_a_time_to_come_back(asker):
    asker.drive.set_fault("rate_limit", status=429, reason="rateLimitExceeded", retry_after=9)

    answer = await asker.ask("GET", "/drive/v3/files")

    assert (answer.status, answer.headers["Retry-After"]) == (429, "9")
    assert (await asker.ask("GET", "/drive/v3/files")).status == 200


async def test_a_full_drive_refuses_what_would_make_a_file(asker):
    session = await asker.session(3)
    asker.drive.set_fault("storage_full")

    assert (await asker.start(size=1)).reason == "storageQuotaExceeded"
    assert (await asker.create(name="x")).reason == "storageQuotaExceeded"
    assert (await asker.put(session, b"abc", total=3)).status == 200


@pytest.mark.parametrize(("units", "kept"), [(1, 2), (2, 1), (3, 0), (9, 0)])
async def test_a_short_answer_is_meant(asker, units, kept):
    session = await asker.session(SIZE)
    asker.drive.set_fault("short_ack", units=units)

    answer = await asker.put(session, BODY[: 3 * UNIT], total=SIZE)
    rest = await asker.put(session, BODY[kept * UNIT :], at=kept * UNIT, total=SIZE)

    assert answer.status == 308
    assert answer.headers.get("Range") == (f"bytes=0-{kept * UNIT - 1}" if kept else None)
    assert rest.json["sha256Checksum"] == digest(BODY)


async def test_a_short_answer_to_the_last_chunk_is_308(asker):
    session = await asker.session(SIZE)
    asker.drive.set_fault("short_ack")

    answer = await asker.put(session, BODY, total=SIZE)

    assert (answer.status, answer.headers["Range"]) == (308, f"bytes=0-{3 * UNIT - 1}")


async def test_a_lost_last_answer_leaves_the_file(asker):
    session = await asker.session(SIZE)
    asker.drive.set_fault("lost_last_answer")

    assert await asker.put(session, BODY, total=SIZE) is CUT
    assert (await asker.query(session, SIZE)).json["sha256Checksum"] == digest(BODY)


async def test_a_lost_start_answer_leaves_the_session_or_the_folder(asker):
    asker.drive.set_fault("lost_start_answer", on="start,create", times=2)

    assert await asker.start(size=SIZE) is CUT
    assert await asker.create(name="x") is CUT
    assert asker.drive.stats()["sessions"]["active"] == 1
    assert asker.drive.stats()["files"] == 1


async def test_a_connection_dropped_midway_leaves_whole_units(asker):
    session = await asker.session(SIZE)
    asker.drive.set_fault("drop_midway", after_bytes=2 * UNIT + 7)

    dropped = await asker.put(session, BODY, total=SIZE)
    asked = await asker.query(session, SIZE)
    rest = await asker.put(session, BODY[2 * UNIT :], at=2 * UNIT, total=SIZE)

    assert dropped is CUT
    assert asked.headers["Range"] == f"bytes=0-{2 * UNIT - 1}"
    assert rest.json["sha256Checksum"] == digest(BODY)


async def test_checksums_are_missing_when_told_so(asker):
    asker.drive.set_fault("missing_sha256")
    one = await asker.upload(BODY)
    asker.drive.set_fault("none")
    asker.drive.set_fault("missing_checksums")
    other = await asker.upload(BODY)

    assert set(one.json) == {"id", "size", "md5Checksum"}
    assert set(other.json) == {"id", "size"}
    assert {entry["sha256"] for entry in asker.drive.entries()} == {digest(BODY)}


@pytest.mark.parametrize("honest", [True, False])
async def test_a_flipped_byte_is_told_or_hidden(asker, honest):
    asker.drive.set_fault("flip_byte", honest=honest)

    answer = await asker.upload(BODY)
    content = await asker.ask("GET", f"/drive/v3/files/{answer.json['id']}?alt=media")
    next_one = await asker.upload(BODY)

    assert sum(a != b for a, b in zip(content.body, BODY, strict=True)) == 1
    assert (answer.json["sha256Checksum"] == digest(BODY)) is not honest
    assert asker.drive.entries()[0]["sha256"] == digest(content.body)
    assert next_one.json["sha256Checksum"] == digest(BODY)


async def test_a_slow_drive_answers_late_or_when_the_fault_is_switched_off(asker):
    asker.drive.set_fault("slow", seconds=60, on="list")
    asking = asyncio.create_task(asker.ask("GET", "/drive/v3/files"))
    other = await asker.create(name="x")
    done, _ = await asyncio.wait([asking], timeout=0.1)
    assert not done

    asker.drive.set_fault("none")

    assert other.status == 200
    assert (await asking).status == 200


async def test_a_drive_that_is_down_cuts_every_connection(asker):
    session = await asker.session(SIZE)
    asker.drive.set_fault("down")

    assert await asker.ask("GET", "/drive/v3/files") is CUT
    assert await asker.put(session, BODY, total=SIZE) is CUT
    assert await asker.start(size=1) is CUT


async def test_a_chunk_on_its_way_is_cut_when_the_drive_goes_down(asker):
    session = await asker.session(SIZE)

    async def pieces():
        yield BODY[:UNIT]
        asker.drive.set_fault("down")
        yield BODY[UNIT:]

    headers = {"Content-Range": f"bytes 0-{SIZE - 1}/{SIZE}", "Content-Length": str(SIZE)}
    answer = await asker.ask("PUT", session, data=pieces(), headers=headers)

    assert answer is CUT
    assert asker.drive.stats()["files"] == 0


async def test_a_fault_strikes_every_nth_request_of_its_kind(asker):
    asker.drive.set_fault("server_error", on="list", every=2, times=0)

    statuses = [(await asker.ask("GET", "/drive/v3/files")).status for _ in range(4)]

    assert statuses == [200, 503, 200, 503]
    assert asker.drive.stats()["faults"][0]["struck"] == 2

"""Resumable uploads to the Drive that stands in, as strict as the real protocol."""

import asyncio

import pytest

from standin.drive.server import DriveOptions, serve_drive
from tests.integration.standin.drive_fixtures import UNIT, Asker, digest
from tests.waiting import until

BODY = bytes(range(251)) * 4000  # 1,004,000 bytes: three whole units and a rest
SIZE = len(BODY)
WEEK_SECONDS = 7 * 24 * 3600


@pytest.fixture
async def asker(http):
    async with serve_drive(DriveOptions(is_open=True)) as drive:
        yield Asker(http, drive)


async def test_a_file_goes_up_in_chunks_and_is_visible_after_the_last_alone(asker):
    session = await asker.session(SIZE, name="x", mimeType="application/pdf")

    first = await asker.put(session, BODY[: 2 * UNIT], total=SIZE)
    before = (await asker.ask("GET", "/drive/v3/files")).json["files"]
    last = await asker.put(session, BODY[2 * UNIT :], at=2 * UNIT, total=SIZE)

    assert (first.status, first.headers["Range"]) == (308, f"bytes=0-{2 * UNIT - 1}")
    assert before == []
    assert last.status == 200
    assert last.json["size"] == str(SIZE)
    assert last.json["sha256Checksum"] == digest(BODY)
    assert set(last.json) == {"id", "size", "md5Checksum", "sha256Checksum"}


async def test_a_query_tells_how_far_a_session_is(asker):
    session = await asker.session(SIZE)

    empty = await asker.query(session, SIZE)
    await asker.put(session, BODY[:UNIT], total=SIZE)
    some = await asker.query(session)
    whole = await asker.put(session, BODY[UNIT:], at=UNIT, total=SIZE)
    finished = await asker.query(session, SIZE)

    assert empty.status == 308
    assert "Range" not in empty.headers
    assert some.headers["Range"] == f"bytes=0-{UNIT - 1}"
    assert (finished.status, finished.json) == (200, whole.json)


async def test_a_chunk_sent_again_changes_nothing(asker):
    session = await asker.session(SIZE)
    await asker.put(session, BODY[: 2 * UNIT], total=SIZE)

    old = await asker.put(session, BODY[:UNIT], total=SIZE)
    overlapping = await asker.put(session, BODY[UNIT:], at=UNIT, total=SIZE)
    after = await asker.put(session, BODY[UNIT:], at=UNIT, total=SIZE)

    assert (old.status, old.headers["Range"]) == (308, f"bytes=0-{2 * UNIT - 1}")
    assert overlapping.json["sha256Checksum"] == digest(BODY)
    assert after.json == overlapping.json


async def test_a_gap_is_503(asker):
    session = await asker.session(SIZE)

    assert (await asker.put(session, BODY[UNIT:], at=UNIT, total=SIZE)).status == 503


@pytest.mark.parametrize(
    ("body", "content_range"),
    [
        (BODY[:1000], f"bytes 0-999/{SIZE}"),  # no multiple of 256 KiB
        (BODY[:1000], "bytes 0-999/*"),  # the same, of unknown length
        (BODY[:UNIT], f"bytes 0-{UNIT}/{SIZE}"),  # not the length of the body
        (BODY[:UNIT], f"bytes 0-{UNIT - 1}/{SIZE + 1}"),  # another total than declared
        (BODY[:UNIT], f"bytes 0-{UNIT - 1}/{UNIT}"),  # a smaller total
        (BODY[:UNIT], f"octets 0-{UNIT - 1}/{SIZE}"),  # no range at all
        (BODY[:UNIT], f"bytes */{SIZE}"),  # a query with a body
        (b"", f"bytes */{SIZE + 1}"),  # a query about another file
    ],
)
async def test_a_chunk_that_does_not_fit_is_400_and_keeps_nothing(asker, body, content_range):
    session = await asker.session(SIZE)

    answer = await asker.ask("PUT", session, data=body, headers={"Content-Range": content_range})

    assert answer.status == 400
    assert "Range" not in (await asker.query(session, SIZE)).headers


async def test_a_body_of_unknown_length_is_refused(asker):
    async def pieces():
        yield b"x"

    session = await asker.session(SIZE)

    answer = await asker.ask("PUT", session, data=pieces())

    assert (answer.status, answer.reason) == (400, "required")


async def test_a_file_goes_up_whole_without_a_range(asker):
    session = await asker.session()

    answer = await asker.ask("PUT", session, data=BODY)

    assert answer.json["sha256Checksum"] == digest(BODY)


async def test_a_chunk_may_be_posted(asker):
    session = await asker.session(SIZE)
    headers = {"Content-Range": f"bytes 0-{SIZE - 1}/{SIZE}"}

    answer = await asker.ask("POST", session, data=BODY, headers=headers)

    assert answer.json["sha256Checksum"] == digest(BODY)


async def test_an_empty_file_is_a_put_of_nothing(asker):
    session = await asker.session(0, name="empty")

    answer = await asker.ask("PUT", session, headers={"Content-Length": "0"})

    assert (answer.status, answer.json["size"]) == (200, "0")
    assert answer.json["sha256Checksum"] == digest(b"")


async def test_the_length_may_be_named_with_the_last_chunk(asker):
    session = await asker.session()

    first = await asker.put(session, BODY[:UNIT])
    last = await asker.put(session, BODY[UNIT:], at=UNIT, total=SIZE)

    assert first.status == 308
    assert last.json["sha256Checksum"] == digest(BODY)


async def test_a_session_lives_a_week(http):
    now = [1_000_000.0]
    async with serve_drive(DriveOptions(is_open=True, clock=lambda: now[0])) as drive:
        asker = Asker(http, drive)
        session = await asker.session(SIZE)
        now[0] += WEEK_SECONDS
        alive = await asker.query(session, SIZE)
        now[0] += 1
        expired = await asker.query(session, SIZE)

        assert alive.status == 308
        assert expired.status == 404
        assert drive.stats()["sessions"]["expired"] == 1


async def test_a_session_there_is_not_is_404(asker):
    path = "/upload/drive/v3/files?uploadType=resumable&upload_id=guess"

    assert (await asker.query(f"{asker.drive.url}{path}")).status == 404


async def test_a_reserved_id_names_the_file_and_cannot_be_used_twice(asker):
    reserved = await asker.reserve()
    one = await asker.session(3, id=reserved)
    two = await asker.session(3, id=reserved)

    made = await asker.put(one, b"one", total=3)
    raced = await asker.put(two, b"two", total=3)
    late = await asker.start(size=3, id=reserved)

    assert made.json["id"] == reserved
    assert raced.status == 409
    assert (late.status, late.reason) == (409, "fileIdInUse")
    assert asker.drive.stats()["files"] == 1


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"parents": ["nowhere"]}, 404),
        ({"id": "1inventedInventedInvented"}, 400),
        ({"query": "&fields=colour"}, 400),
        ({"size": 6_000_000_000_000}, 400),
        ({"size": -1}, 400),
    ],
)
async def test_a_session_that_cannot_end_well_is_not_opened(asker, arguments, status):
    assert (await asker.start(**arguments)).status == status
    assert asker.drive.stats()["sessions"]["opened"] == 0


async def test_other_ways_of_uploading_are_refused(asker):
    answer = await asker.ask("POST", "/upload/drive/v3/files?uploadType=media", data=b"x")

    assert answer.status == 400


async def test_a_parent_that_went_away_is_404_at_the_last_byte(asker):
    folder = await asker.folder()
    session = await asker.session(3, parents=[folder])
    await asker.ask("DELETE", f"/drive/v3/files/{folder}")

    assert (await asker.put(session, b"abc", total=3)).status == 404


async def test_a_session_needs_no_token_but_a_dead_one_is_refused(http):
    async with serve_drive() as drive:
        asker = Asker(http, drive)
        await asker.sign_in()
        session = await asker.session(3)

        dead = await Asker(http, drive, {"Authorization": "Bearer x"}).query(session)
        without = await Asker(http, drive).put(session, b"abc", total=3)

        assert dead.status == 401
        assert without.status == 200


async def begin_raw(asker, session, *, sent):
    """Begin a PUT of the whole body by hand, and send a part of it."""
    path = session.removeprefix(asker.drive.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", asker.drive.port)
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {SIZE}\r\n\r\n"
    writer.write(head.encode() + BODY[:sent])
    return reader, writer


async def until_it_holds(folder, size):
    """Wait until the one session there is has `size` bytes on disk."""
    await until(
        lambda: sum(path.stat().st_size for path in folder.glob("sessions/*")) >= size,
    )


async def test_a_sender_that_leaves_midway_leaves_whole_units(http, tmp_path):
    async with serve_drive(DriveOptions(is_open=True, folder=tmp_path)) as drive:
        asker = Asker(http, drive)
        session = await asker.session(SIZE)
        _, writer = await begin_raw(asker, session, sent=2 * UNIT + 100)
        await until_it_holds(tmp_path, 2 * UNIT)
        writer.close()
        await writer.wait_closed()

        asked = await asker.query(session, SIZE)
        last = await asker.put(session, BODY[2 * UNIT :], at=2 * UNIT, total=SIZE)

        assert asked.headers["Range"] == f"bytes=0-{2 * UNIT - 1}"
        assert last.json["sha256Checksum"] == digest(BODY)


async def test_a_later_request_takes_the_session_from_one_that_hangs(http, tmp_path):
    async with serve_drive(DriveOptions(is_open=True, folder=tmp_path)) as drive:
        asker = Asker(http, drive)
        session = await asker.session(SIZE)
        reader, writer = await begin_raw(asker, session, sent=UNIT + 100)
        await until_it_holds(tmp_path, UNIT)

        answer = await asker.put(session, BODY[UNIT:], at=UNIT, total=SIZE)
        writer.write(BODY[UNIT + 100 :])
        with pytest.raises(ConnectionError):
            await reader.readexactly(1)
        writer.close()

        assert answer.json["sha256Checksum"] == digest(BODY)
        assert drive.stats()["files"] == 1

import json

import pytest
from google.auth.credentials import AnonymousCredentials
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.checkpoints import DriveCheckpoint
from sync.destinations.chunk_body import PIECE, ChunkBody
from sync.destinations.drive.connections import drive_service
from sync.destinations.drive.credentials import load_credentials
from sync.destinations.drive.options import MIB, UNIT, DriveOptions
from sync.destinations.drive.rate_limit import RateLimiter
from sync.destinations.drive.session import (
    Complete,
    Incomplete,
    SessionLost,
    Uncertain,
    read_answer,
)
from sync.destinations.drive.upload import AIM, next_size

SIZES = st.integers(1, 256).map(lambda units: units * UNIT)


@given(
    id_=st.from_regex(r"[A-Za-z0-9_-]{10,40}", fullmatch=True), session=st.text(), folder=st.text()
)
def test_a_checkpoint_reads_back_as_it_was(id_, session, folder):
    known = DriveCheckpoint(id_, session, folder)

    assert DriveCheckpoint.parse(known.text) == known


@given(st.text() | st.builds(json.dumps, st.dictionaries(st.text(), st.integers() | st.text())))
def test_a_checkpoint_that_makes_no_sense_is_none(text):
    assert DriveCheckpoint.parse(text) == DriveCheckpoint()


@pytest.mark.parametrize("id_", ["", "trash", "../../../etc", 7, None])
def test_a_checkpoint_with_an_odd_id_is_none(id_):
    text = json.dumps({"id": id_, "session": "https://x", "folder": ""})

    assert DriveCheckpoint.parse(text) == DriveCheckpoint()


def test_a_sessions_address_does_not_show():
    assert "hush" not in repr(DriveCheckpoint("0123456789", "https://x/?upload_id=hush"))


@given(size=SIZES, seconds=st.floats(0, 1e6), ceiling=SIZES)
def test_a_chunk_stays_lawful_and_changes_by_two_at_most(size, seconds, ceiling):
    size = min(size, ceiling)

    after = next_size(size, seconds, ceiling=ceiling)

    assert after % UNIT == 0
    assert UNIT <= after <= ceiling
    assert size // 2 // UNIT * UNIT <= after <= 2 * size


def test_a_chunk_grows_on_a_fast_line_and_shrinks_on_a_slow_one():
    assert next_size(8 * MIB, AIM / 10, ceiling=64 * MIB) == 16 * MIB
    assert next_size(8 * MIB, AIM, ceiling=64 * MIB) == 8 * MIB
    assert next_size(8 * MIB, AIM * 1.5, ceiling=64 * MIB) == 5 * MIB + UNIT
    assert next_size(8 * MIB, AIM * 10, ceiling=64 * MIB) == 4 * MIB
    assert next_size(UNIT, AIM * 10, ceiling=64 * MIB) == UNIT


def test_a_body_can_be_sent_again_and_counts_once():
    counted: list[int] = []
    body = ChunkBody(bytes(range(256)) * 4096, sent=counted.append)

    first, second = b"".join(body), b"".join(body)

    assert first == second == bytes(range(256)) * 4096
    assert sum(counted) == len(body) == len(first)
    assert max(counted) <= PIECE


@pytest.mark.parametrize(
    ("status", "headers", "content", "meant"),
    [
        (308, {}, b"", Incomplete(0)),
        (308, {"range": "bytes=0-0"}, b"", Incomplete(1)),
        (308, {"range": "bytes=0-99"}, b"", Incomplete(100)),
        (308, {"range": "bytes=0-9", "location": "https://y"}, b"", Incomplete(10, "https://y")),
        (308, {"range": "bytes=0-100"}, b"", SessionLost()),
        (308, {"range": "bytes=5-9"}, b"", SessionLost()),
        (308, {"range": "nonsense"}, b"", SessionLost()),
        (404, {}, b"", SessionLost()),
        (410, {}, b"", SessionLost()),
        (200, {}, b"", Complete(None)),
        (201, {}, b"[]", Complete(None)),
    ],
)
def test_a_sessions_answer_is_read_strictly(status, headers, content, meant):
    assert read_answer(status, headers, content=content, total=100) == meant


def test_a_finished_session_describes_its_file():
    outcome = read_answer(200, {}, content=b'{"id": "abc", "size": "7"}', total=7)

    assert isinstance(outcome, Complete)
    assert outcome.file is not None
    assert (outcome.file.id, outcome.file.size, outcome.file.sha256) == ("abc", 7, None)


@given(status=st.integers(200, 599), content=st.binary(max_size=100))
def test_a_sessions_answer_is_never_too_odd(status, content):
    outcome = read_answer(status, {}, content=content, total=100)

    assert isinstance(outcome, Complete | Incomplete | SessionLost | Uncertain)


async def test_a_pace_lets_a_burst_pass_and_then_one_at_a_time():
    now = [100.0]
    times: list[float] = []

    async def sleep(seconds):
        now[0] += seconds

    pace = RateLimiter(per_second=2.0, burst=4, clock=lambda: now[0], sleep=sleep)
    for _ in range(10):
        await pace.take()
        times.append(now[0] - 100)
    now[0] += 60
    for _ in range(5):
        await pace.take()
        times.append(now[0] - 163)

    assert times[:10] == [0, 0, 0, 0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert times[10:] == [0, 0, 0, 0, 0.5]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({}, "credentials must name a file"),
        ({"endpoint": "localhost:9"}, "endpoint must be a root URL"),
        ({"endpoint": "http://x/", "chunk": 1000}, "multiple of 256 KiB"),
        ({"endpoint": "http://x/", "max_chunk": UNIT}, "must not be below"),
        ({"endpoint": "http://x/", "workers": 0}, "above 0"),
    ],
)
def test_options_that_cannot_work_are_told_with_their_mend(wrong, told):
    with pytest.raises(ValueError, match="mirror") as caught:
        DriveOptions(**wrong).check()

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read"),
        ("not json", "is no JSON"),
        ("[]", "neither of type"),
        ('{"installed": {"client_id": "x"}}', "authorise it first"),
        ('{"type": "authorized_user", "client_id": "x"}', "incomplete"),
        ('{"type": "service_account", "client_email": "x"}', "incomplete"),
    ],
)
def test_credentials_that_cannot_work_are_told(text, told, tmp_path):
    path = tmp_path / "drive.json"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ValueError, match=r"mirror\.drive\.credentials") as caught:
        load_credentials(DriveOptions(credentials=path))

    assert told in str(caught.value)


def test_another_endpoint_does_without_a_file(tmp_path):
    options = DriveOptions(credentials=tmp_path / "drive.json", endpoint="http://127.0.0.1:9/")

    assert isinstance(load_credentials(options)(), AnonymousCredentials)


def test_each_connection_has_credentials_of_its_own(tmp_path):
    path = tmp_path / "drive.json"
    path.write_text(
        '{"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}'
    )
    make = load_credentials(DriveOptions(credentials=path))

    assert make() is not make()


def test_the_service_speaks_to_google_unless_told_otherwise(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "elsewhere.example")
    monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "always")

    there = drive_service("").files().get(fileId="x").uri
    here = drive_service("http://127.0.0.1:9002").files().get(fileId="x").uri

    assert there.startswith("https://www.googleapis.com/drive/v3/files/x")
    assert here.startswith("http://127.0.0.1:9002/drive/v3/files/x")

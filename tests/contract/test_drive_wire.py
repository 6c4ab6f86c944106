"""The wire of the Drive mirror keeps the contract."""

import asyncio
import json
import os
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from standin.drive.server import write_credentials
from sync.destinations.checkpoints import DriveCheckpoint
from sync.destinations.drive.credentials import CredentialsFile, load_credentials
from sync.destinations.drive.mirror import DriveMirror
from sync.destinations.drive.options import DriveOptions
from tests.blackbox.hostile_server import Say, hostile_server
from tests.contract.wire_contract import WireContract, authority, plain_environment
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel, tried_again
from tests.drive_places import a_drive, a_mirror, copies
from titip.errors import DeliveryFault, DestinationUnavailable

__all__ = ["authority", "plain_environment"]

DATA = b"a scan"


class TestDriveWire(WireContract):
    @asynccontextmanager
    async def wire(self, url, answer_within):
        near = DriveMirror(
            DriveOptions(
                endpoint=url,
                credentials=Path("/nowhere/drive.json"),
                timeout=answer_within,
                creates_per_second=1000,
                quick_wait=timedelta(milliseconds=1),
            )
        )
        try:
            yield lambda: near.deliver(a_parcel(DATA), MemoryContent(DATA), RecordingProgress())
        finally:
            await near.close()


@asynccontextmanager
async def a_mirror_at(url, **options):
    settled = {"creates_per_second": 1000, "quick_wait": timedelta(milliseconds=1)}
    near = DriveMirror(DriveOptions(**{"endpoint": url, **settled, **options}))
    try:
        yield near
    finally:
        await near.close()


async def deliver(near, progress=None, parcel=None):
    return await near.deliver(
        parcel or a_parcel(DATA), MemoryContent(DATA), progress or RecordingProgress()
    )


def drive(location="", moved=""):
    """Script a Drive that lets a session be opened at this location, and moves it there."""

    def script(asked):
        path = asked.path.partition("?")[0]
        if path.endswith("/generateIds"):
            return Say(200, {"ids": [f"reserved-id-{len(asked.path)}"]})
        if path.startswith("/upload/") and asked.method == "POST":
            return Say(200, headers={"Location": location})
        if asked.method == "PUT":
            return Say(308, headers={"Location": moved} if moved else {})
        if asked.method == "POST":
            return Say(200, json.loads(asked.body))
        return Say(200, {"id": path.rpartition("/")[2], "files": [], "user": {}})

    return script


@pytest.mark.parametrize("moves", [False, True])
async def test_a_session_that_leads_away_from_drive_gets_neither_token_nor_bytes(moves):
    with hostile_server(lambda asked: Say(200), host="127.0.0.2") as other:
        there = f"{other.url}/session?upload_id=s3cret"
        script = drive("/session", there) if moves else drive(there)
        with hostile_server(script) as far:
            async with a_mirror_at(far.url) as near:
                with pytest.raises(DestinationUnavailable, match="not its own origin") as caught:
                    await deliver(near)

        assert other.url in caught.value.reason
        assert "s3cret" not in caught.value.reason
        assert not other.asked


async def test_a_session_of_another_endpoint_is_not_used():
    with hostile_server(lambda asked: Say(200), host="127.0.0.2") as old:
        known = DriveCheckpoint(id="reserved-id-1", session=f"{old.url}/session")
        with hostile_server(lambda asked: Say(503)) as far:
            progress = RecordingProgress(checkpoint=known.text)
            async with a_mirror_at(far.url) as near:
                with pytest.raises(DeliveryFault):
                    await deliver(near, progress, tried_again(a_parcel(DATA), progress))

        assert far.asked
        assert not old.asked


async def test_what_a_list_shows_of_others_is_left_alone():
    """Something in between may ignore the question, or give another's answer."""
    mine = {"titip_upload": a_parcel(DATA).upload.id}
    others = [
        {
            "id": f"of-somebody-{number}",
            "size": "9",
            "appProperties": {"titip_upload": f"u{number}"},
        }
        for number in range(20)
    ]
    listed = [{"id": "of-nobody-1", "size": "9"}, *others]
    listed.append({"id": "spoilt-copy-1", "size": "9", "appProperties": mine})

    def script(asked):
        if asked.path.partition("?")[0].endswith("/files") and asked.method == "GET":
            return Say(200, {"files": listed})
        return drive("/session")(asked)

    with hostile_server(script) as far:
        async with a_mirror_at(far.url) as near:
            with suppress(DeliveryFault):
                await deliver(near, parcel=tried_again(a_parcel(DATA), RecordingProgress()))

    trashed = {
        one.path.partition("?")[0].rpartition("/")[2] for one in far.asked if one.method == "PATCH"
    }
    assert trashed == {"spoilt-copy-1"}


@pytest.mark.parametrize(
    "tokens", ["https://evil.example/token", "http://oauth2.googleapis.com/token", 7, "", None]
)
def test_a_secret_is_given_to_no_token_service_but_googles(tmp_path, tokens):
    path = tmp_path / "drive.json"
    named = {"client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": tokens}
    path.write_text(json.dumps({"type": "authorized_user", **named}), "utf-8")
    options = DriveOptions(credentials=path)
    if tokens:
        with pytest.raises(ValueError, match=r"token service|token_uri"):
            load_credentials(options)
    else:
        load_credentials(options)


async def test_drive_without_credentials_is_ill_and_is_not_asked(tmp_path):
    path = tmp_path / "drive.json"
    near = DriveMirror(DriveOptions(credentials=path))
    for attempt in (near.probe, lambda: deliver(near)):
        with pytest.raises(
            DestinationUnavailable, match=r"mirror\.drive\.credentials.*No such file"
        ) as caught:
            await attempt()
        assert caught.value.outage
    await near.close()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"type": "authorized_user"}'])
async def test_credentials_that_came_late_heal_the_mirror(tmp_path, content):
    async with a_drive() as (far, options):
        whole = options.credentials.read_text("utf-8")
        path = tmp_path / "drive.json"
        path.write_text(content, "utf-8")
        async with a_mirror(replace(options, credentials=path)) as near:
            with pytest.raises(DestinationUnavailable, match=r"mirror\.drive\.credentials"):
                await near.probe()
            assert not far.entries()

            path.write_text(whole, "utf-8")
            assert await near.probe()
            await deliver(near)

            assert copies(far) == [DATA]


def known(keep: CredentialsFile):
    return getattr(keep.now(), "client_id", None)


async def test_credentials_that_changed_are_taken_by_the_next_connection(tmp_path):
    path = tmp_path / "drive.json"
    keep = CredentialsFile(DriveOptions(credentials=path))
    for name in ("first", "second"):
        named = {"client_id": name, "client_secret": "s", "refresh_token": "r"}
        path.write_text(json.dumps({"type": "authorized_user", **named}), "utf-8")
        os.utime(path, ns=(0, len(name)))
        assert known(keep) == name

    path.write_text("{", "utf-8")
    assert known(keep) == "second"
    path.unlink()
    assert known(keep) == "second"


PAGES = [
    *(b"<html>maintenance</html>", b"\xff\xfe\xfa", b"", b"null", b"[]", b"7", b"{}", b"[" * 9999),
    *(b'{"user": null}', b'{"user": "x"}', b'{"id": 7, "user": 1}'),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page[:20]))
@pytest.mark.parametrize("folder", ["", "1AFolder-of-ours"])
async def test_what_is_no_answer_of_drives_is_not_well(page, folder):
    with hostile_server(lambda asked: Say(200, page)) as far:
        async with a_mirror_at(far.url, folder=folder) as near:
            with pytest.raises(DestinationUnavailable, match="Drive"):
                await near.probe()
            with pytest.raises(DeliveryFault):
                await deliver(near)


_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
_ID = st.sampled_from(["reserved-id-1", "a", "", "../x", "\ud83d", 7, None, ["x"]])
_DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("size", "parents", "createdTime", "trashed", "appProperties"), _ODD),
        "id": _ID,
        "ids": _ODD | st.lists(_ID, max_size=2),
        "files": _ODD | st.lists(st.fixed_dictionaries({"id": _ID, "parents": _ODD}), max_size=2),
        "user": _ODD,
        "md5Checksum": _ODD,
        "sha256Checksum": _ODD,
        "driveId": _ODD,
        "error": _ODD,
        "access_token": _ODD,
        "expires_in": _ODD,
    },
)
_SAYS = st.builds(
    lambda status, document, located: Say(status, document, {"Location": located}),
    st.sampled_from([200, 200, 200, 201, 204, 302, 308, 400, 401, 403, 404, 409, 500]),
    _DOCUMENTS,
    st.sampled_from(["/session", "http://127.0.0.2/", "http://a..b/", "?", "\xff"]),
)


_TOKENS = st.builds(Say, st.sampled_from([200, 201, 302, 400, 401, 404]), _DOCUMENTS | st.binary())


async def odd_answers(strategy, url, attempt):
    """Await the attempt with the answers that Hypothesis chooses; give what is to be set first."""
    loop = asyncio.get_running_loop()
    says: list[Say] = []

    async def one(some):
        says[:] = some
        await attempt()

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(strategy, min_size=1, max_size=6))
    def examples(some):
        asyncio.run_coroutine_threadsafe(one(some), loop).result(30)

    with hostile_server(lambda asked: says[len(far.asked) % len(says)]) as far:
        url.append(far.url)
        await asyncio.to_thread(examples)


async def test_no_document_is_too_odd_for_a_fault():
    url: list[str] = []

    async def attempt():
        async with a_mirror_at(url[0], burst=100) as near:
            with suppress(DeliveryFault):
                await near.probe()
            with suppress(DeliveryFault):
                await deliver(near, parcel=tried_again(a_parcel(DATA), RecordingProgress()))

    await odd_answers(_SAYS, url, attempt)


async def test_no_answer_of_a_token_service_is_too_odd_for_a_probe(tmp_path):
    url: list[str] = []
    path = tmp_path / "drive.json"

    async def attempt():
        write_credentials(path, drive_url=url[0])
        async with a_mirror_at(url[0], credentials=path) as near:
            with suppress(DeliveryFault):
                await near.probe()

    await odd_answers(_TOKENS, url, attempt)

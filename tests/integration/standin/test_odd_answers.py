"""The stand-ins answer as nobody should: any status, at any point, any body, or half of one."""

import asyncio
import io
import json

import aiohttp
import pytest
from typer.testing import CliRunner

from cli.main import app
from standin.faults import BadParams
from standin.odd_answer import ENDS, FIXED, KINDS, POINTS
from standin.registry.server import RegistryOptions, serve_registry
from standin.registry.store import Repeat
from tests.integration.standin.drive_fixtures import UNIT, Asker, digest
from tests.waiting import until

BODY = b"x" * 300_000
BIG = b"y" * 20_000_000


@pytest.fixture
async def registry():
    async with serve_registry() as running:
        yield running


class Told:
    """What came back, however broken."""

    def __init__(self, status, headers, body, *, whole):
        self.status, self.headers, self.body, self.whole = status, headers, body, whole


async def ask(http, method, url, *, seconds=5, **more):
    """Ask; status 0 stands for a cut, -1 for no answer in time."""
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with http.request(
            method, url, timeout=timeout, allow_redirects=False, auto_decompress=False, **more
        ) as response:
            head = response.status, response.headers
            try:
                return Told(*head, await response.read(), whole=True)
            except (aiohttp.ClientError, TimeoutError):
                return Told(*head, b"", whole=False)
    except TimeoutError:
        return Told(-1, {}, b"", whole=False)
    except (aiohttp.ClientError, ConnectionError):
        return Told(0, {}, b"", whole=False)


async def hand_in(http, registry, *, body=BODY, key="k1", **more):
    url = f"{registry.intake_url}?key={key}&sha256={digest(body)}"
    return await ask(http, "PUT", url, data=io.BytesIO(body), headers={"X-Key": key}, **more)


@pytest.mark.parametrize("status", [200, 202, 204, 303, 401, 408, 409, 418, 422, 500, 520, 599])
async def test_a_registry_answers_any_status_before_or_after_storing(http, registry, status):
    for at, stored in (("before_storing", 0), ("after_storing", 1)):
        registry.set_mode("answer", status=status, at=at)

        told = await hand_in(http, registry)

        assert told.status == status
        assert registry.stats()["received"] == stored


@pytest.mark.parametrize(("at", "params"), [("before_body", {}), ("mid_body", {"after_bytes": 9})])
async def test_a_registry_answers_before_it_has_the_body(http, registry, at, params):
    registry.set_mode("answer", status=413, body="html", at=at, **params)

    told = await hand_in(http, registry, body=BIG)

    assert told.status in {413, 0}
    assert (registry.stats()["received"], registry.stats()["bodies"]) == (0, 0)


@pytest.mark.parametrize("body", FIXED)
async def test_a_registry_answers_a_body_by_its_name(http, registry, body):
    registry.set_mode("answer", body=body)

    told = await hand_in(http, registry)

    assert (told.status, told.body) == (200, FIXED[body][0])


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"success": False}, b'{"success": false}'),
        ([], b"[]"),
        (None, b"null"),
        (417.5, b"417.5"),
        ("any other text", b"any other text"),
    ],
)
async def test_a_registry_answers_any_json_or_text(http, registry, body, sent):
    registry.set_mode("answer", body=body)

    assert (await hand_in(http, registry)).body == sent


@pytest.mark.parametrize(("body", "coding"), [("gzip_lie", "gzip"), ("br_lie", "br")])
async def test_a_registry_lies_about_a_coding(http, registry, body, coding):
    registry.set_mode("answer", body=body)

    told = await hand_in(http, registry)

    assert told.headers["Content-Encoding"] == coding
    assert json.loads(told.body)["id"] == "SILON-000001"


async def test_a_registry_answers_a_body_without_measure(http, registry):
    registry.set_mode("answer", body="huge", size=3_000_000)

    told = await hand_in(http, registry)

    assert len(told.body) == 3_000_000
    assert json.loads(told.body)["id"] == "SILON-HUGE"


async def test_a_registry_answers_any_header(http, registry):
    headers = {"Retry-After": "9" * 20, "Location": "http://127.0.0.2:9/elsewhere"}
    registry.set_mode("answer", status=303, headers=headers)

    told = await hand_in(http, registry)

    assert {name: told.headers[name] for name in headers} == headers


@pytest.mark.parametrize(("end", "status"), [("hang", -1), ("cut", 0), ("short", 200)])
async def test_a_registry_hangs_cuts_or_breaks_off_after_it_has_stored(http, registry, end, status):
    registry.set_mode("answer", end=end)

    told = await hand_in(http, registry, seconds=0.5)

    assert (told.status, told.whole) == (status, False)
    assert registry.stats()["received"] == 1


async def test_a_registry_drips_its_answer(http, registry):
    registry.set_mode("answer", end="drip", seconds=0.2)

    told = await hand_in(http, registry, seconds=1)

    assert (told.status, told.whole) == (200, False)


async def test_a_hand_in_that_hangs_ends_when_the_mode_does(http, registry):
    registry.set_mode("answer", end="hang")
    sending = asyncio.create_task(hand_in(http, registry))
    await until(lambda: registry.stats()["waiting"] == 1)

    registry.set_mode("healthy")

    assert (await sending).status == 503


@pytest.mark.parametrize(
    ("body", "told"),
    [("null_digest", None), ("list_digest", [{"sha256": "0" * 64}]), ("wrong_digest", "0" * 64)],
)
async def test_a_lookup_tells_another_digest_of_what_is_there(http, registry, body, told):
    await hand_in(http, registry)
    registry.set_mode("answer", on="lookup", body=body)

    found = await ask(http, "GET", f"{registry.url}/intake/k1")
    missing = await ask(http, "GET", f"{registry.url}/intake/k2")

    assert json.loads(found.body)["sha256"] == told
    assert missing.status == 404


async def test_a_lookup_tells_no_digest(http, registry):
    await hand_in(http, registry)
    registry.set_mode("answer", on="lookup", body="no_digest")

    assert "sha256" not in json.loads((await ask(http, "GET", f"{registry.url}/intake/k1")).body)


@pytest.mark.parametrize(
    ("params", "sent"),
    [({"body": "list"}, (200, b"[]")), ({"status": 500, "body": "empty"}, (500, b""))],
)
async def test_a_lookup_answers_anything_and_hand_ins_go_on(http, registry, params, sent):
    registry.set_mode("answer", on="lookup", **params)

    told = await ask(http, "GET", f"{registry.url}/intake/nowhere")

    assert (told.status, told.body) == sent
    assert (await hand_in(http, registry)).status == 201
    assert (await ask(http, "GET", registry.health_url)).status == 200


async def test_an_odd_answer_may_pass(http, registry):
    registry.set_mode("answer", on="intake,health", status=500, times=2)

    assert (await ask(http, "GET", registry.health_url)).status == 500
    assert [(await hand_in(http, registry)).status for _ in range(2)] == [500, 201]


async def test_what_came_twice_is_told_whether_or_not_it_was_stored(http):
    async with serve_registry(RegistryOptions(repeat=Repeat.CONFLICT)) as registry:
        await hand_in(http, registry, key="a")
        await hand_in(http, registry, key="a")
        await hand_in(http, registry, key="b")
        registry.set_mode("answer", at="before_storing", status=500)
        await hand_in(http, registry, key="c")
        stats, entries = registry.stats(), registry.entries()

    assert (stats["received"], stats["duplicates"], stats["same_digest"]) == (2, 0, 1)
    assert (stats["bodies"], stats["same_bodies"]) == (4, 3)
    assert [entry["came"] for entry in entries] == [4, 4]


@pytest.mark.parametrize(
    "params",
    [
        {"at": "yesterday"},
        {"end": "well"},
        {"status": 99},
        {"status": 600},
        {"headers": ["a"]},
        {"headers": {"A": "b\r\nC: d"}},
        {"headers": {"A": 5}},
        {"on": "intake,chunk"},
        {"seconds": -1},
    ],
)
async def test_an_answer_that_cannot_be_given_is_refused(registry, params):
    with pytest.raises(BadParams):
        registry.set_mode("answer", **params)


def test_every_name_is_told_in_the_description():
    from standin.odd_answer import OddAnswer  # noqa: PLC0415 - for its docstring alone

    assert [
        name for name in (*KINDS, *POINTS, *ENDS) if name not in (OddAnswer.__doc__ or "")
    ] == []


async def test_the_command_line_switches_any_answer_on(http, registry):
    words = ["standin", "mode", registry.url, "answer", "status=202", 'body={"success": false}']
    words += ['headers={"Location": "http://127.0.0.2:9/"}', "times=1"]

    done = await asyncio.to_thread(CliRunner().invoke, app, words)
    told = await hand_in(http, registry)

    assert done.exit_code == 0, done.output
    assert (told.status, told.body) == (202, b'{"success": false}')
    assert told.headers["Location"] == "http://127.0.0.2:9/"


# ------------------------------------------------------------------------------------------ Drive


@pytest.fixture
async def asker(http):
    from standin.drive.server import DriveOptions, serve_drive  # noqa: PLC0415 - for these alone

    async with serve_drive(DriveOptions(is_open=True)) as drive:
        yield Asker(http, drive)


@pytest.mark.parametrize(
    ("params", "status", "body"),
    [
        ({"body": "html"}, 200, FIXED["html"][0]),
        ({"body": "no_utf8", "status": 500}, 500, FIXED["no_utf8"][0]),
        ({"body": [], "at": "before_body"}, 200, b"[]"),
    ],
)
async def test_a_drive_answers_anything(asker, params, status, body):
    asker.drive.set_fault("answer", on="list,chunk", **params)

    listed = await asker.ask("GET", "/drive/v3/files")

    assert (listed.status, listed.body) == (status, body)


@pytest.mark.parametrize(("at", "files"), [("before_storing", 0), ("after_storing", 1)])
@pytest.mark.parametrize("params", [{"body": "html"}, {"end": "cut"}, {"status": 503}])
async def test_a_drive_answers_a_chunk_before_or_after_it_is_kept(asker, params, at, files):
    session = await asker.session(UNIT)
    asker.drive.set_fault("answer", on="chunk", at=at, **params)

    await asker.put(session, BODY[:UNIT].ljust(UNIT, b"x"), total=UNIT)

    assert asker.drive.stats()["files"] == files


async def test_a_drive_tells_another_digest(asker):
    asker.drive.set_fault("answer", on="chunk", body="wrong_digest")

    answer = await asker.upload(BODY)

    assert answer.json["sha256Checksum"] == "0" * 64
    assert asker.drive.entries()[0]["sha256"] == digest(BODY)


async def test_a_drive_tells_of_the_same_bytes_under_two_ids(asker):
    await asker.upload(BODY)
    await asker.upload(BODY)

    assert asker.drive.stats()["same_digest"] == 1


async def test_a_drive_that_hangs_goes_on_when_the_fault_ends(asker):
    asker.drive.set_fault("answer", on="list", end="hang")
    asking = asyncio.create_task(asker.ask("GET", "/drive/v3/files"))
    await until(lambda: asker.drive.stats()["requests"].get("list"))
    done, _ = await asyncio.wait([asking], timeout=0.2)
    assert not done

    asker.drive.set_fault("none")

    assert (await asking).status == 0
    assert (await asker.ask("GET", "/drive/v3/files")).status == 200


async def test_a_drive_refuses_an_answer_that_cannot_be_given(asker):
    for params in ({"on": "intake"}, {"end": "well"}):
        with pytest.raises(BadParams):
            asker.drive.set_fault("answer", **params)

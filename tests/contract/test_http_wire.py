"""The wire of registries of kind "http" keeps the contract, handing in and asking."""

import gzip
import os
import zlib
from contextlib import asynccontextmanager
from datetime import timedelta

import brotli
import pytest

from sync.destinations.http.body import Framing
from sync.destinations.http.connection import RegistryConnection
from sync.destinations.http.options import RegistryOptions
from sync.destinations.http.registry import HttpRegistry
from tests.blackbox.hostile_server import Say, hostile_server
from tests.contract.wire_contract import (
    SECRET,
    WireContract,
    authority,
    plain_environment,
)
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel
from titip.errors import DestinationUnavailable

__all__ = ["authority", "plain_environment"]


@asynccontextmanager
async def a_line(url, answer_within):
    line = RegistryConnection(
        RegistryOptions(
            url=url,
            bearer="configured",
            connect_within=timedelta(seconds=2),
            answer_within=answer_within,
            stalled_after=timedelta(seconds=2),
        )
    )
    try:
        yield line
    finally:
        await line.close()


class TestHandingIn(WireContract):
    @asynccontextmanager
    async def wire(self, url, answer_within):
        async with a_line(url, answer_within) as line:
            yield lambda: line.send(
                f"{url}/intake?key={SECRET}",
                headers={},
                content=MemoryContent(b"a scan"),
                framing=Framing(content_type="application/octet-stream"),
                progress=RecordingProgress(),
            )


class TestLookingUp(WireContract):
    @asynccontextmanager
    async def wire(self, url, answer_within):
        async with a_line(url, answer_within) as line:
            yield lambda: line.ask(f"{url}/intake/{SECRET}")


HOSTS = ["registry..invalid", "a" * 70 + ".invalid", "127.0.0.1:99999", "[::1", "\u2603.invalid"]


@pytest.mark.parametrize("host", HOSTS, ids=ascii)
async def test_no_host_is_too_odd_for_a_fault(host):
    async with a_line("http://127.0.0.1", timedelta(seconds=1)) as line:
        with pytest.raises(DestinationUnavailable, match="cannot be reached: the address"):
            await line.ask(f"http://{host}/{SECRET}")


async def answered(say):
    with hostile_server(lambda asked: say) as far:
        async with a_line(far.url, timedelta(seconds=5)) as line:
            return await line.ask(f"{far.url}/1")


DOCUMENT = {"id": "caf\u00e9"}
TEXT = '{"id": "caf\u00e9"}'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", TEXT.encode()),
        ("", TEXT.encode()),
        ("application/json; charset=utf-8", TEXT.encode("utf-8-sig")),
        ("application/json; charset=ISO-8859-1", TEXT.encode("latin-1")),
        ('text/json;charset="windows-1252"', TEXT.encode("cp1252")),
        ("application/json; charset=utf-16", TEXT.encode("utf-16")),
        ("application/json; charset=utf-16le", TEXT.encode("utf-16-le")),
        ("application/json", TEXT.encode("utf-16-be")),
        ("application/json; charset=iso-8859-1", TEXT.encode("utf-16")),
        ("application/json; charset=unheard-of", TEXT.encode()),
    ],
)
async def test_a_document_is_read_in_the_charset_that_it_is_in(kind, body):
    answer = await answered(Say(200, body, {"Content-Type": kind}))

    assert answer.document == DOCUMENT


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data, wbits=-15)),
        ("br", brotli.compress),
        ("identity", bytes),
    ],
)
async def test_a_document_is_read_in_the_coding_that_it_is_in(coding, pack):
    answer = await answered(Say(200, pack(TEXT.encode()), {"Content-Encoding": coding}))

    assert answer.document == DOCUMENT


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "gzip, br", "\u00e9"])
async def test_a_body_that_cannot_be_decoded_leaves_the_status_and_the_headers(coding):
    told = {"Content-Encoding": coding, "Location": "/1", "ETag": '"7"', "Retry-After": "9"}
    answer = await answered(Say(429, b"\x00nothing packed", told))

    assert answer.status == 429
    assert answer.is_page
    assert (answer.headers["location"], answer.headers["etag"]) == ("/1", '"7"')
    assert answer.retry_after == timedelta(seconds=9)


async def test_headers_are_printable_and_the_first_of_several_counts():
    raw = b"HTTP/1.1 201 x\r\nLocation: /1\r\nLocation: /2\r\nX-A: \xff\x1b[1m\r\nX-A: b\r\n\r\n"
    answer = await answered(Say(raw=raw.replace(b"\x1b", b"\xe2\x80\xae")))

    assert answer.headers["location"] == "/1"
    assert answer.headers["x-a"].isprintable()
    assert answer.headers["x-a"].endswith(", b")


async def test_a_document_of_a_megabyte_is_read():
    assert (await answered(Say(200, {"a": "x" * (1 << 19), **DOCUMENT}))).is_page is False


@asynccontextmanager
async def a_line_with(url, **options):
    line = RegistryConnection(RegistryOptions(**{"url": url, "health": f"{url}/health", **options}))
    try:
        yield line
    finally:
        await line.close()


FILES = {"Idempotency-Key": "{delivery_id}", "Content-Language": "id", "X-File": "{upload_id}"}
FILLED = {"Idempotency-Key": "7", "Content-Language": "id", "X-File": "8"}


async def test_configured_headers_go_with_questions_but_for_those_of_the_files_request(tmp_path):
    secret = tmp_path / "key"
    secret.write_text("k1", "utf-8")
    table = {"X-Key": f"file:{secret}", "X-App": f"Token file:{secret}", **FILES}
    filled = {"X-Key": f"file:{secret}", "X-App": f"Token file:{secret}", **FILLED}
    with hostile_server(lambda asked: Say(200)) as far:
        async with a_line_with(far.url, headers=table, bearer="b") as line:
            await line.ask(f"{far.url}/1", filled)
            await line.ask(f"{far.url}/2")
            assert await line.healthy()
            await line.send(
                f"{far.url}/3",
                headers=filled,
                content=MemoryContent(b"x"),
                framing=Framing(content_type="application/octet-stream"),
                progress=RecordingProgress(),
            )

    about, general, health, sending = (one.headers for one in far.asked)
    for headers in (about, general, health, sending):
        assert headers["x-key"] == "k1"
        assert headers["x-app"] == "Token k1"
        assert headers["authorization"] == "Bearer b"
    for headers in (about, general, health):
        assert not {"idempotency-key", "content-language"} & set(headers)
    assert about["x-file"] == sending["x-file"] == "8"
    assert "x-file" not in general
    assert "x-file" not in health
    assert (sending["idempotency-key"], sending["content-language"]) == ("7", "id")


async def test_a_health_address_that_refuses_the_question_tells_nothing():
    statuses = [*range(200, 600)]
    answers = iter(statuses)
    with hostile_server(lambda _asked: Say(next(answers))) as far:
        async with a_line_with(far.url) as line:
            told = {status: await line.healthy() for status in statuses}

    refused = {*range(400, 500)} - {408, 425, 429}
    assert {status for status, well in told.items() if well is None} == refused
    assert {status for status, well in told.items() if well} == {*range(200, 300)}


async def test_no_request_goes_out_without_its_credential_and_it_heals_by_itself(tmp_path):
    secret = tmp_path / "key"
    reason = r"^registry\.bearer: .*cannot be read \(No such file or directory\)$"
    with hostile_server(lambda asked: Say(201, {"id": "R-1"})) as far:
        options = RegistryOptions(url=far.url, bearer=f"file:{secret}")
        near = HttpRegistry(options)
        progress = RecordingProgress()
        with pytest.raises(DestinationUnavailable, match=reason):
            await near.deliver(a_parcel(b"x"), MemoryContent(b"x"), progress)
        with pytest.raises(DestinationUnavailable, match=reason):
            await near.probe()
        async with a_line_with(far.url, bearer=f"file:{secret}") as line:
            with pytest.raises(DestinationUnavailable, match=reason):
                await line.healthy()
            with pytest.raises(DestinationUnavailable, match=reason):
                await line.ask(f"{far.url}/1")
        assert not far.asked
        assert not progress.doubt

        secret.write_text("k1", "utf-8")
        assert await near.probe() is None
        await near.deliver(a_parcel(b"x"), MemoryContent(b"x"), progress)
        await near.close()

    assert [one.headers["authorization"] for one in far.asked] == ["Bearer k1"]


async def test_a_secret_that_was_refused_is_read_again_and_asked_with_once_more(tmp_path):
    secret = tmp_path / "key"
    secret.write_text("old", "utf-8")
    before = secret.stat()

    def script(asked):
        if asked.headers["x-key"] == "new":
            return Say(200)
        secret.write_text("new", "utf-8")
        os.utime(secret, ns=(before.st_atime_ns, before.st_mtime_ns))
        return Say(401)

    with hostile_server(script) as far:
        async with a_line_with(far.url, headers={"X-Key": f"file:{secret}"}) as line:
            assert (await line.ask(f"{far.url}/1")).status == 200
            assert await line.healthy()

    assert far.count("GET") == 3


async def test_a_name_of_a_file_is_never_read_as_a_secret(tmp_path):
    secret = tmp_path / "key"
    secret.write_text("k1", "utf-8")
    with hostile_server(lambda asked: Say(200)) as far:
        async with a_line_with(far.url, headers={"X-Name": "{filename}"}) as line:
            await line.ask(f"{far.url}/1", {"X-Name": f"file:{secret}"})

    assert far.asked[0].headers["x-name"] == f"file:{secret}"


async def test_only_codings_that_can_be_decoded_are_asked_for():
    with hostile_server(lambda asked: Say(200)) as far:
        async with a_line_with(far.url) as line:
            await line.ask(f"{far.url}/1")

    assert far.asked[0].headers["accept-encoding"] == "gzip, br"

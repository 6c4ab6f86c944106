"""What every wire of the daemon keeps to, whatever the far side does.

A suite gives `wire(url, answer_within)`: an async context manager of something to call, which makes
the wire's first request, or all of them, with credentials where it has any.
"""

import asyncio
import gc
import gzip
import socket
import socketserver
import threading
import time
import tracemalloc
import warnings
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from datetime import timedelta
from typing import Any

import brotli
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.blackbox.hostile_server import Say, hostile_server
from tests.certificates import DAY, Authority
from tests.ports import free_port
from titip.errors import DeliveryFault

SECRET = "s3cret"
SOON = timedelta(milliseconds=400)
MIB = 1 << 20
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
BUNDLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in (*VARIABLES, *BUNDLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def endless(sent):
    """Go on writing until the far side has had enough; note how much that was."""

    def drip(sock, over):
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        with suppress(OSError):
            while not over.is_set():
                sock.sendall(piece)
                sent.append(len(piece))

    return drip


@contextmanager
def blurting(data):
    """Say this to whoever connects, whatever he says; give the port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with suppress(OSError):
                self.request.recv(65536)
                self.request.sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def dripping(piece):
    def drip(sock, over):
        with suppress(OSError):
            while not over.wait(0.05):
                sock.sendall(piece)

    return drip


_PIECES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 ",
            b"HTTP/9.9 999 \xff\r\n",
            b"200",
            b"\r\n",
            b"\r\n\r\n",
        ),
        *(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 401 x\r\n"),
        *(b"HTTP/1.1 302 x\r\n", b"HTTP/1.1 201 Created\r\n", b"HTTP/1.1 500 x\r\n\r\n"),
        *(b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: x\r\n"),
        *(b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n"),
        *(b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n", b"Content-Encoding: ?\r\n"),
        *(b"Content-Type: application/json; charset=utf-16\r\n", b"Content-Type: \xff;=\r\n"),
        *(b"Content-Type: x; charset=zlib_codec\r\n", b"Content-Type: x; charset=idna\r\n"),
        *(b"Location: http://a..b/\r\n", b"Location: /x\r\n", b"Location: \xff\r\n"),
        *(
            b"Retry-After: Mon, 99999999999999999999 Jan 2026 0:0:0 GMT\r\n",
            b"Retry-After: 9e9\r\n",
        ),
        *(
            b"Upload-Offset: \xb2\r\n",
            b"Upload-Offset: 99999999999999999999\r\n",
            b"Upload-Offset: 0\r\n",
        ),
        *(
            b"Tus-Extension: checksum\r\n",
            b"\x15\x03\x01\x00\x02\x02\x46",
            b"5\r\n",
            b"ffffffffff\r\n",
        ),
        *(
            b'{"id": "\\ud83d"}',
            b'{"id": 7, "files": null}',
            b"[" * 5000,
            b"<html>",
            b"\xff\xfe\x00",
        ),
        *(b'{"user": {}}', b'{"ids": [7]}', b'{"ids": {"a": 1}}', b'{"files": [7]}', b"null"),
    ]
)
ANSWERS = st.one_of(
    st.binary(max_size=200),
    st.lists(_PIECES | st.binary(max_size=12), max_size=12).map(b"".join),
    st.lists(_PIECES, max_size=10).map(lambda some: b"HTTP/1.1 200 OK\r\n" + b"".join(some)),
)


async def _reason(ask):
    try:
        await ask()
    except DeliveryFault as fault:
        return fault.reason
    return ""


def flooding(piece):
    """Write it over and over, as fast as it is read."""

    def pour(sock, over):
        while not over.is_set():
            sock.sendall(piece)

    return pour


class WireContract:
    """The promises of a wire."""

    def wire(self, url: str, answer_within: timedelta) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    async def outcome(self, url, within=timedelta(seconds=5)):
        """Make the wire's requests; give the reason of the fault that ended them, if any."""
        async with self.wire(url, within) as ask:
            reason = await _reason(ask)
        assert SECRET not in reason
        assert reason.isprintable()
        return reason

    async def test_a_netrc_replaces_no_credential(self, tmp_path, monkeypatch):
        netrc = tmp_path / ".netrc"
        netrc.write_text("default login somebody password else\n", "utf-8")
        netrc.chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(netrc))
        with hostile_server(lambda asked: Say(404)) as far:
            await self.outcome(far.url)

        assert far.asked
        assert not [one for one in far.asked if "Basic" in one.headers.get("authorization", "")]

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_no_redirect_is_followed(self, status):
        with hostile_server(lambda asked: Say(404)) as other:
            there = {"Location": f"{other.url}/elsewhere?{SECRET}"}
            with hostile_server(lambda asked: Say(status, headers=there)) as far:
                await self.outcome(far.url)

            assert far.asked
            assert not other.asked

    async def test_an_endless_answer_is_read_no_further_than_it_is_of_use(self):
        sent: list[int] = []
        head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        with hostile_server(lambda asked: Say(raw=head, drip=endless(sent))) as far:
            began = time.monotonic()
            await self.outcome(far.url)

            assert time.monotonic() - began < 5
            assert sum(sent) < 16 * MIB * len(far.asked)

    async def test_a_flood_of_what_is_no_answer_yet_holds_nobody_up(self):
        flood = b"HTTP/1.1 103 E\r\nX: yyyyyyyyyyyyyyyyyyyy\r\n\r\n" * 2000
        beats = 0

        async def beat():
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        with hostile_server(lambda asked: Say(raw=flood, drip=flooding(flood))) as far:
            beating = asyncio.create_task(beat())
            began = time.monotonic()
            await self.outcome(far.url, timedelta(seconds=2))
            took = time.monotonic() - began
            beating.cancel()

        assert took < 6
        assert beats + 5 > 10 * took, (beats, took)

    @pytest.mark.parametrize(
        ("coding", "packed"),
        [
            ("gzip", gzip.compress(bytes(100 * MIB), 1)),
            ("br", brotli.compress(bytes(100 * MIB), quality=1)),
        ],
        ids=["gzip", "br"],
    )
    async def test_a_bomb_takes_no_memory(self, coding, packed):
        answer = Say(body=packed, headers={"Content-Encoding": coding})
        with hostile_server(lambda asked: answer) as far:
            tracemalloc.start()
            try:
                await self.outcome(far.url)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()

        assert far.asked
        assert peak < 24 * MIB

    @pytest.mark.parametrize(
        ("head", "piece"),
        [
            (b"", b"H"),
            (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
            (HEAD + b"Content-Length: 100000\r\n\r\n", b" "),
            (HEAD + b"Connection: close\r\n\r\n", b" "),
            (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        ],
        ids=["status", "headers", "interim", "length", "close", "chunked"],
    )
    async def test_an_answer_that_drips_is_none(self, head, piece):
        with hostile_server(lambda asked: Say(raw=head, drip=dripping(piece))) as far:
            began = time.monotonic()
            reason = await self.outcome(far.url, SOON)

            assert time.monotonic() - began < 6
        assert "did not answer in time" in reason or "no HTTP" in reason

    async def test_nobody_who_listens_is_told_by_address(self):
        port = free_port()

        reason = await self.outcome(f"http://127.0.0.1:{port}")

        assert f"nobody listens at 127.0.0.1:{port}" in reason

    async def test_a_host_that_there_is_not_is_named(self):
        reason = await self.outcome("http://registry.invalid")

        assert "no such host: registry.invalid" in reason

    @pytest.mark.parametrize(
        ("papers", "told"),
        [
            ((False, "127.0.0.1", DAY), "certificate is signed by an unknown authority"),
            ((True, "127.0.0.1", -DAY), "certificate has expired"),
            ((True, "registry.example", DAY), "certificate is for another name"),
        ],
    )
    async def test_bad_papers_are_told_by_what_is_wrong(self, authority, monkeypatch, papers, told):
        trusted, host, until = papers
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        with hostile_server(lambda asked: Say(404), tls=authority.server(host, until=until)) as far:
            reason = await self.outcome(far.url)

            assert told in reason
            assert far.url in reason
        assert not far.asked

    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
    async def test_an_authority_that_the_environment_names_is_trusted(
        self, authority, monkeypatch, variable
    ):
        monkeypatch.setenv(variable, str(authority.path))
        with hostile_server(lambda asked: Say(404), tls=authority.server()) as far:
            await self.outcome(far.url)

        assert far.asked

    async def test_an_https_address_of_a_plain_port_is_told(self):
        with blurting(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as port:
            reason = await self.outcome(f"https://127.0.0.1:{port}")

        assert f"does not speak TLS (https://127.0.0.1:{port})" in reason

    async def test_an_http_address_of_a_tls_port_is_told(self, authority):
        with hostile_server(lambda asked: Say(404), tls=authority.server()) as far:
            reason = await self.outcome(far.url.replace("https:", "http:"))

        assert "no HTTP" in reason or "speaks TLS" in reason or "cut the connection" in reason

    @pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
    async def test_a_proxy_of_the_environment_is_used(self, monkeypatch, variable):
        with hostile_server(lambda asked: Say(404)) as proxy:
            there = proxy.url.replace("://", f"://somebody:{SECRET}@")
            monkeypatch.setenv(variable, there)
            await self.outcome("http://registry.invalid")

        assert proxy.asked
        assert proxy.asked[0].path.startswith("http://registry.invalid/")
        assert proxy.asked[0].headers["proxy-authorization"].startswith("Basic ")

    async def test_a_tunnel_is_asked_of_a_proxy_for_https(self, monkeypatch):
        with hostile_server(lambda asked: Say(407)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            reason = await self.outcome("https://registry.invalid")

        assert {one.method for one in proxy.asked} == {"CONNECT"}
        assert proxy.asked[0].path == "registry.invalid:443"
        assert "the proxy refused to connect" in reason

    @pytest.mark.parametrize("spared", ["127.0.0.1", "*", "127.0.0.0/8", "example, 127.0.0.1"])
    async def test_no_proxy_names_the_exceptions(self, monkeypatch, spared):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        monkeypatch.setenv("NO_PROXY", spared)
        with hostile_server(lambda asked: Say(404)) as far:
            await self.outcome(far.url)

        assert far.asked

    async def test_a_proxy_that_is_not_there_is_named(self, monkeypatch):
        port = free_port()
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")

        reason = await self.outcome("http://registry.invalid")

        assert f"nobody listens at 127.0.0.1:{port}" in reason

    async def test_a_far_side_that_never_answers_is_not_waited_for(self):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(16)
            began = time.monotonic()
            reason = await self.outcome(f"http://127.0.0.1:{listening.getsockname()[1]}", SOON)

        assert time.monotonic() - began < 6
        assert "did not answer in time" in reason

    async def test_tls_that_is_never_agreed_on_is_not_waited_for(self):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(16)
            began = time.monotonic()
            reason = await self.outcome(f"https://127.0.0.1:{listening.getsockname()[1]}", SOON)

        assert time.monotonic() - began < 10
        assert "in time" in reason or "cut the connection" in reason

    @pytest.mark.parametrize("more", ["Content-Length: 9", "Content-Length: -1", "Location: \xff"])
    async def test_a_head_that_contradicts_itself_leaves_no_socket_behind(self, more):
        head = HEAD + f"Content-Length: 5\r\n{more}\r\nConnection: close\r\n\r\n{{}}   ".encode()
        with (
            warnings.catch_warnings(record=True) as told,
            hostile_server(lambda asked: Say(raw=head)) as far,
        ):
            warnings.simplefilter("always")
            gc.collect()
            told.clear()
            await self.outcome(far.url)
            gc.collect()

        assert [str(one.message) for one in told if one.category is ResourceWarning] == []

    async def test_whatever_comes_is_an_answer_or_a_fault(self):
        answer = [b""]
        with hostile_server(lambda asked: Say(raw=answer[0])) as far:
            async with self.wire(far.url, SOON) as ask:
                await _tried_with_any(answer, ask)


async def _tried_with_any(answer, ask):
    """Let Hypothesis choose answers while the loop runs: its examples are awaited one by one."""
    loop = asyncio.get_running_loop()

    async def one(raw):
        answer[0] = raw or b"\r\n"
        with suppress(DeliveryFault):
            await ask()

    @settings(
        suppress_health_check=[HealthCheck.too_slow],
        max_examples=max(200, settings().max_examples),
    )
    @given(raw=ANSWERS)
    def examples(raw):
        asyncio.run_coroutine_threadsafe(one(raw), loop).result(20)

    await asyncio.to_thread(examples)

"""`client.push` before servers that answer byte for byte as nobody should, in one process."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import closing, contextmanager, suppress

import pytest

from client.options import Patience, PushOptions
from client.push import push
from client.report import PushResult
from tests.blackbox.hostile_server import CUT, Say, hostile_server
from tests.integration.client.fixtures import Ears, ears, gateway, hand_in, write

__all__ = ["ears", "gateway", "hand_in"]

TUS = {"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0"}
GREETING = Say(204, headers={**TUS, "Tus-Extension": "creation,creation-with-upload"})
SHORT = Patience(floor=0.002, ceiling=0.02, give_up_after=0.15, longest_retry_after=0.01)


@pytest.fixture
def tried(tmp_path):
    """Hand one file in at an address, with little patience; give the report."""

    def go(url, *, face=None, patience=SHORT):
        options = PushOptions(
            server=url, token="titip_lo1_x", state=tmp_path / "push.sqlite3", patience=patience
        )
        return push([write(tmp_path / "a", 100)], options, face=face or Ears())

    return go


def said(report):
    return report.stopped + "".join(outcome.reason for outcome in report.outcomes)


def gatekeeper(create, others=lambda asked: Say(404)):
    def script(asked):
        if asked.method == "OPTIONS":
            return GREETING
        return create(asked) if asked.method == "POST" else others(asked)

    return hostile_server(script)


def endlessly(block, pause=0.0):
    def drip(sock, over):
        with suppress(OSError):
            while not over.wait(pause) if pause else not over.is_set():
                sock.sendall(block)

    return drip


# ------------------------------------------------------------------------------ answers

OK = b"HTTP/1.1 200 OK\r\n"
NASTY = {
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", None, "does not speak HTTP: try https://"),
    "TLS": (b"\x15\x03\x01\x00\x02\x02\x46", None, "does not speak HTTP"),
    "binary": (bytes(range(256)) * 8, None, "does not speak HTTP"),
    "nothing": (b"\r\n\r\n", None, ""),
    "a status of words": (b"HTTP/1.1 abc OK\r\n\r\n", None, "does not speak HTTP"),
    "two lengths": (OK + b"Content-Length: 5, 6\r\n\r\nhello", None, "cannot be read"),
    "no UTF-8": (OK + b"Tus-Version: \xff\xfe\r\nContent-Length: 2\r\n\r\n\xff\xff", None, ""),
    "bad chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello", None, "was cut"),
    "short": (OK + b"Content-Length: 999\r\n\r\nhello", None, "was cut"),
    "many headers": (OK + b"".join(b"X-%d: y\r\n" % n for n in range(999)), None, "cannot be"),
    "headers without end": (OK + b"X: ", endlessly(b"x" * 65536), "cannot be read"),
    "body without end": (OK + b"\r\n", endlessly(b"x" * 65536), ""),
    "chunks without end": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        endlessly(b"1\r\nx\r\n" * 9999),
        "",
    ),
    "continue without end": (b"", endlessly(b"HTTP/1.1 100 Continue\r\n\r\n"), "did not end"),
    "dripping headers": (OK + b"X: ", endlessly(b"x", 0.02), "did not end within"),
    "dripping body": (OK + b"Content-Length: 999\r\n\r\n", endlessly(b"x", 0.02), "did not end"),
}


@pytest.mark.parametrize("kind", NASTY)
def test_an_answer_that_is_none_ends_with_a_reason(tried, kind):
    raw, drip, reason = NASTY[kind]
    with hostile_server(lambda asked: Say(raw=raw, drip=drip)) as server:
        report = tried(server.url)

    assert report.exit_code == 1
    assert said(report)
    assert reason in said(report)
    assert "Error" not in said(report)


def test_a_cut_line_is_named(tried):
    with hostile_server(lambda asked: CUT) as server:
        report = tried(server.url)

    assert f"the line to {server.url.removeprefix('http://')} was cut" in report.stopped


@pytest.mark.parametrize("asked_for", ["9" * 400, "-1", "\xb2", "3600", "Mon, 99999999999999 Jan"])
def test_no_wait_goes_beyond_patience(tried, asked_for):
    headers = {**TUS, "Retry-After": asked_for}
    with gatekeeper(lambda asked: Say(503, headers=headers)) as server:
        report = tried(server.url, patience=Patience(floor=0.01, give_up_after=0.2))

    assert "in trouble (503)" in said(report)
    assert report.seconds < 5


@pytest.mark.parametrize(
    "offset",
    ["9" * 5000, str(1 << 63), "-1", "\xb2", "1e3", "0x10", "", "101"],
    ids=lambda offset: offset[:9],
)
def test_an_absurd_offset_is_never_a_proof(tried, offset):
    told = {**TUS, "Upload-Offset": offset}
    with gatekeeper(
        lambda asked: Say(201, headers={**told, "Location": "/files/u1"}),
        lambda asked: Say(200, headers={**told, "Upload-Length": offset}),
    ) as server:
        report = tried(server.url)

    assert report.exit_code == 1
    assert said(report)


# ------------------------------------------------------------------------------ other origins


@pytest.mark.parametrize(
    "location", ["http://[fe80::1/files/x", "http://a:b/files/x", "//", "/", "/..", "/files"]
)
def test_an_upload_address_that_is_none_is_told(tried, location):
    with gatekeeper(
        lambda asked: Say(201, headers={**TUS, "Upload-Offset": "100", "Location": location})
    ) as server:
        report = tried(server.url)

    assert report.exit_code == 1
    assert "something else answered" in said(report)
    assert server.count("HEAD", "PATCH", "GET") == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_no_redirection_is_followed(tried, status, method):
    with hostile_server(lambda asked: Say(200)) as other:
        away = Say(status, headers={"Location": f"{other.url}/files/u1"})
        taken = Say(201, headers={**TUS, "Location": "/files/u1"})
        with gatekeeper(
            lambda asked: away if method == "POST" else taken, lambda _: away
        ) as server:
            report = tried(server.url)

    assert report.exit_code == 1
    assert other.asked == []


def test_what_an_older_run_remembers_of_another_host_is_forgotten(tried, tmp_path):
    with hostile_server(lambda asked: Say(404)) as other:
        for location in ("/files/u1", f"{other.url}/files/u1"):
            taken = Say(201, headers={**TUS, "Location": location})
            with gatekeeper(lambda asked, taken=taken: taken, lambda _: Say(500)) as server:
                tried(server.url)

    assert other.asked == []


# ------------------------------------------------------------------------------ reasons


@contextmanager
def talker(words):
    """Say something to whoever connects, whatever he says."""

    def serve():
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                with line, suppress(OSError):
                    line.recv(1 << 16)
                    line.sendall(words)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_without_tls_is_named_and_mended(tried):
    with talker(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") as place:
        report = tried(f"https://{place}")

    assert report.stopped == f"{place} does not speak TLS: try http://"


def test_nobody_listening_is_named(tried):
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{probe.getsockname()[1]}"
        report = tried(f"http://{place}")

    assert report.stopped.endswith(f"nobody listens at {place}")


def test_an_unknown_host_is_named(tried, monkeypatch):
    def unknown(*_args, **_more):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert tried("http://titip.invalid").stopped.endswith("no such host: titip.invalid")


def certificate(folder, *more):
    """Make a key and a certificate that it signed itself; give their file."""
    pem = folder / "server.pem"
    words = ["-keyout", folder / "key", "-out", folder / "crt", "-subj", "/CN=titip.test", *more]
    line = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    done = subprocess.run([*line, "-nodes", *words], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("openssl cannot make a certificate here")
    pem.write_bytes((folder / "key").read_bytes() + (folder / "crt").read_bytes())
    return pem


@contextmanager
def secured(pem):
    """Answer every TLS connection with 404."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def serve():
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), context.wrap_socket(line, server_side=True) as safe:
                safe.recv(1 << 16)
                safe.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


ADDRESSED = ("-addext", "subjectAltName=IP:127.0.0.1")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_authority_of_the_environment_is_trusted(tried, tmp_path, monkeypatch, variable):
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(other, raising=False)
    pem = certificate(tmp_path, *ADDRESSED)
    with secured(pem) as url:
        unknown = tried(url)
        monkeypatch.setenv(variable, str(pem))
        known = tried(url)

    assert "is not trusted by this machine" in unknown.stopped
    assert "SSL_CERT_FILE" in unknown.stopped
    assert "there is no Titip gateway" in known.stopped


def test_a_certificate_for_another_name_is_said(tried, tmp_path, monkeypatch):
    pem = certificate(tmp_path, "-addext", "subjectAltName=DNS:other.test")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    with secured(pem) as url:
        report = tried(url)

    assert report.stopped.startswith("the certificate of 127.0.0.1 is for another name")


# ------------------------------------------------------------------------------ our own faults


def test_a_fault_of_ours_is_one_files_own(gateway, hand_in, tmp_path, monkeypatch):
    for name in "abc":
        write(tmp_path / "in" / name, 100, seed=name.encode())

    def describe(item, _sha256):
        if item.relative == "b":
            raise KeyError("nobody thought of it")
        return {"relativePath": item.relative}

    monkeypatch.setattr("client.transfer.sender.describe", describe)
    report = hand_in(tmp_path / "in")

    assert [one.fate for one in report.outcomes] == [
        PushResult.PROVEN,
        PushResult.FAILED,
        PushResult.PROVEN,
    ]
    assert "nobody foresaw" in report.failures[0].reason
    assert report.exit_code == 1


def test_a_worker_that_cannot_begin_halts_the_run_with_a_reason(hand_in, tmp_path, monkeypatch):
    def broken(*_args, **_more):
        raise MemoryError

    monkeypatch.setattr("client.push.HttpConnection", broken)
    report = hand_in(write(tmp_path / "a", 100))

    assert report.stopped == "this machine ran out of memory for it"
    assert (report.exit_code, report.count(PushResult.LEFT)) == (1, 1)


class Broken(Ears):
    """A face that fails at one call and all after it."""

    def __init__(self, method):
        super().__init__()
        setattr(self, method, self.fail)

    def fail(self, *_args, **_more):
        raise BrokenPipeError


@pytest.mark.parametrize("method", ["open", "start", "advance", "wait", "finish", "close"])
def test_a_broken_face_fails_no_file(gateway, tmp_path, method):
    face = Broken(method)
    options = PushOptions(server=gateway.url, token=gateway.token, state=tmp_path / "s.sqlite3")
    report = push([write(tmp_path / "a", 100)], options, face=face)

    assert report.exit_code == 0


def test_a_store_that_breaks_halts_the_run_with_a_reason(hand_in, tmp_path, monkeypatch):
    def broken(*_args, **_more):
        raise OverflowError("too large")

    monkeypatch.setattr("client.transfer.resume_store.ResumeStore.save", broken)
    report = hand_in(write(tmp_path / "a", 100))

    assert report.exit_code == 1
    assert said(report)

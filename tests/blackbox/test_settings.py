"""Settings that can never work: one sentence each, at the start and by `titip check`."""

import json
import os
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.blackbox.hostile_server import HANG, Say, hostile_server
from tests.blackbox.program import TITIP, TREE, titip

pytestmark = pytest.mark.e2e

URL = 'kind = "http"\nurl = "http://127.0.0.1:9/intake"\n'
SECRET = "HEADERKEY"

HOPELESS = {
    "hosts": (
        (
            f'[registry]\n{URL}health = "http://registry..example/health"\n'
            f'lookup = "http://{"a" * 70}.example/{{upload_id}}"\n'
        ),
        ["registry.health", "registry.lookup"],
    ),
    "users": (
        (
            f'[registry]\n{URL}bearer = "t"\nhealth = "http://monitor:{SECRET}@127.0.0.1:9/health"\n'
            f'lookup = "http://joko:{SECRET}@127.0.0.1:9/"\n'
        ),
        ["registry.health", "registry.lookup", "registry.bearer or registry.headers"],
    ),
    "ports": (
        (
            f'[gateway]\nlisten = "127.0.0.1:99999"\n[registry]\n{URL}lookup = "http://h:99999/"\n'
            'health = "http://{submitter}.example/"\n'
        ),
        ["gateway.listen", "registry.lookup", "registry.health"],
    ),
    "durations": (
        '[mirror]\nafter = "999999999999d"\n[storage]\nscrub = "99999999d"\n',
        ["mirror.after", "storage.scrub"],
    ),
    "sums, numbers and paths": (
        (
            '[mirror]\nafter = "9000000d"\npath = "a\\u0000b"\n[mirror.drive]\n'
            'creates_per_second = nan\n[health]\ncool_off = "900000d"\n'
            'cool_off_ceiling = "900000d"\n'
        ),
        ["mirror.after", "health.cool_off", "mirror.path", "mirror.drive.creates_per_second"],
    ),
    "a registry that makes no sense": (
        (
            f'[registry]\n{URL}bearer = "Bearer {SECRET}"\naccepted = [200, 404]\n'
            f'lookup = "http://127.0.0.1:9/{{{{upload_id}}}}"\n'
            'fields = { file = "{sha256}" }\n'
        ),
        ["registry.bearer", "registry.accepted", "registry.lookup", "registry.fields"],
    ),
    "paths and addresses of its own": (
        (
            '[storage]\npath = "~/titip"\n[mirror]\npath = "$HOME/copies"\n'
            '[gateway]\nheader_timeout = "10ms"\n'
        ),
        ["storage.path", "mirror.path", "gateway.header_timeout"],
    ),
    "a header with a placeholder": (
        f'[registry]\n{URL}[registry.headers]\nX-Key = "{SECRET}{{foo}}"\n',
        ["registry.headers.X-Key"],
    ),
}


def run(config, *words):
    """Run a command to its end; its exit code and all that it said."""
    done = subprocess.run(
        [*TITIP, *words, "--config", str(config)],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
        cwd=config.parent,
        env={**os.environ, "PYTHONPATH": str(TREE)},
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", HOPELESS)
def test_what_can_never_work_is_refused_at_the_start_and_by_check(name, tmp_path):
    config = tmp_path / "titip.toml"
    text, told = HOPELESS[name]
    config.write_text(text, "utf-8")

    with ThreadPoolExecutor(2) as both:
        ended = list(both.map(lambda word: run(config, word), ["check", "serve"]))

    for code, said in ended:
        assert code in {1, 2}, said
        assert "Traceback" not in said
        assert SECRET not in said
        assert [key for key in told if key not in said] == []


# ------------------------------------------------------------------- check beside hostile servers

ABSURD = {"Retry-After": "Mon, 99999999999999999999 Jan 2026 0:0:0 GMT"}
ANSWERS = {
    "an absurd wait": Say(200, b"", ABSURD),
    "a hang": HANG,
}


def findings_of(root, settings, *, within):
    with titip(root, settings, start=False) as served:
        begun = time.monotonic()
        code, said = run(served.config, "check", "--json")
        took = time.monotonic() - begun
    assert "Traceback" not in said, said
    assert took < within
    return code, json.loads(said)["findings"]


@pytest.mark.parametrize("name", ANSWERS)
def test_check_tells_of_a_registry_and_a_drive_that_answer_anything(name, tmp_path):
    with hostile_server(lambda asked: ANSWERS[name]) as server:
        settings = (
            f'[mirror]\nkind = "drive"\n[mirror.drive]\nendpoint = "{server.url}/"\n'
            f'[registry]\nkind = "http"\nurl = "{server.url}/intake?key={SECRET}"\n'
            f'health = "{server.url}/health?key={SECRET}"\nlookup = "{server.url}/{{upload_id}}"\n'
        )
        code, findings = findings_of(tmp_path, settings, within=20)

    topics = {one["topic"] for one in findings}
    assert code == 1
    assert topics >= {"mirror", "registry address", "registry health", "registry lookup"}
    assert SECRET not in json.dumps(findings)


def test_check_looks_at_the_certificate_of_a_registry_without_a_health_address(tmp_path):
    with tls_server(tmp_path) as port:
        settings = (
            f'[registry]\nkind = "http"\nurl = "https://127.0.0.1:{port}/intake?key={SECRET}"\n'
        )
        code, findings = findings_of(tmp_path, settings, within=20)

    (told,) = [one["text"] for one in findings if one["topic"] == "registry address"]
    assert code == 1
    assert f"(https://127.0.0.1:{port})" in told
    assert "certificate" in told


def test_check_tells_of_a_registry_that_is_not_there(tmp_path):
    settings = '[registry]\nkind = "http"\nurl = "http://nowhere.invalid/intake"\n'

    code, findings = findings_of(tmp_path, settings, within=20)

    assert code == 1
    assert [one["grade"] for one in findings if one["topic"] == "registry address"] == ["error"]


class _Quiet(HTTPServer):
    def handle_error(self, *_):
        """Say nothing of those who do not trust it."""


@contextmanager
def tls_server(folder):
    """Serve on a port of loopback with a certificate that nobody trusts."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=registry"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *made, *files], check=True, capture_output=True)  # noqa: S607
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = _Quiet(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()

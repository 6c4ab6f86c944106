"""rclone against the Drive that stands in: a client in another language, by other authors.

rclone knows Google's address alone, so it is led to the stand-in through a proxy of the test, and
trusts a certificate that was made for the occasion.
"""

import asyncio
import json
import os
import shutil
import ssl
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from standin.drive.server import CONTROL, DriveOptions, drive_app

pytestmark = [
    pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]

NAMES = "subjectAltName=DNS:www.googleapis.com,DNS:oauth2.googleapis.com"
TOKEN = {"access_token": "old", "refresh_token": "r", "expiry": "2020-01-01T00:00:00Z"}
BOUND_SECONDS = 30


async def run(*command, env=None):
    """Give what a program printed; it must succeed."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=env)
    async with asyncio.timeout(BOUND_SECONDS):
        output, trouble = await process.communicate()
    assert process.returncode == 0, trouble.decode()
    return output.decode()


async def certificate(folder):
    key, cert = folder / "key.pem", folder / "cert.pem"
    subject = ["-subj", "/CN=www.googleapis.com", "-addext", NAMES]
    files = ["-keyout", str(key), "-out", str(cert)]
    await run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *subject)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


async def pipe(reader, writer):
    with suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy_to(port):
    """Answer every CONNECT with a line to `port`, whatever host was asked for."""

    async def tunnel(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pipe(reader, far_writer), pipe(far_reader, writer))

    server = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Rclone:
    """Run rclone commands against the stand-in."""

    def __init__(self, folder, *, cert, proxy_port):
        config = folder / "rclone.conf"
        config.write_text(f"[gd]\ntype = drive\nclient_id = x\ntoken = {json.dumps(TOKEN)}\n")
        self._options = ["--config", config, "--ca-cert", cert, "--retries", "1"]
        self._options += ["--drive-upload-cutoff", "0", "--drive-pacer-min-sleep", "1ms"]
        self._env = {**os.environ, "HTTPS_PROXY": f"http://127.0.0.1:{proxy_port}"}

    async def __call__(self, *arguments):
        command = ["rclone", *self._options, *arguments]
        return await run(*(str(word) for word in command), env=self._env)


@pytest.fixture
async def judged(tmp_path):
    cert, context = await certificate(tmp_path)
    app = drive_app(DriveOptions(), tmp_path / "drive")
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    async with proxy_to(runner.addresses[0][1]) as proxy_port:
        yield Rclone(tmp_path, cert=cert, proxy_port=proxy_port), app[CONTROL]
    await runner.cleanup()


async def test_rclone_copies_checks_finds_and_trashes(judged, tmp_path):
    rclone, switch = judged
    source = tmp_path / "source"
    (source / "a b").mkdir(parents=True)
    (source / "a b" / "o'x.bin").write_bytes(os.urandom(3_000_001))
    (source / "big.bin").write_bytes(os.urandom(9_000_000))  # two of rclone's chunks

    await rclone("copy", source, "gd:there")
    await rclone("check", "--checksum", source, "gd:there")
    await rclone("check", "--download", source, "gd:there")
    await rclone("deletefile", "gd:there/big.bin")
    listed = await rclone("lsf", "-R", "gd:")

    assert listed.split("\n")[:3] == ["there/", "there/a b/", "there/a b/o'x.bin"]
    assert switch.stats()["trashed"] == 1
    assert switch.stats()["requests"]["chunk"] == 3

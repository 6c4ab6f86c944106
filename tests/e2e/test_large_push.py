"""Two thousand files and one of a gibibyte, into a server that nobody configured."""

import asyncio
import hashlib
import json
import os
from collections import Counter
from random import Random

import pytest

from bench.process import memory_of
from cli.demo.processes import TITIP
from tests.e2e.outage import Server
from tests.e2e.papers import papers
from tests.ports import free_port

pytestmark = pytest.mark.e2e

MEMORY = 200 << 20


@pytest.mark.timeout(400)
async def test_two_thousand_files_and_a_gibibyte_are_sealed_in_little_memory(tmp_path):
    folder = tmp_path / "papers"
    digests = papers(folder, 2000, largest=32 * 1024)
    digests["big.bin"] = _big(folder / "big.bin", 1 << 30)
    port = free_port()
    env = {**os.environ, "HOME": str(tmp_path), "TITIP__GATEWAY__LISTEN": f"127.0.0.1:{port}"}
    first = await asyncio.create_subprocess_exec(
        *TITIP,
        "serve",
        "--log-level",
        "warning",
        cwd=tmp_path,
        env=env,
        stdout=asyncio.subprocess.PIPE,
    )
    server = Server(tmp_path, f"http://127.0.0.1:{port}", tmp_path / "none.log")
    try:
        await _first_words(first)
        token = await _lo_token(tmp_path, env)

        code, said = await _push(tmp_path, {**env, "TITIP_TOKEN": token}, server.url, folder)
        assert code == 0, said
        again, said_again = await _push(tmp_path, {**env, "TITIP_TOKEN": token}, server.url, folder)

        uploads = await _uploads(tmp_path, env)
        assert Counter(row["sha256"] for row in uploads) == Counter(digests.values())
        assert {row["state"] for row in uploads} == {"sealed"}
        assert again == 0
        assert "nothing was sent" in said_again
        assert (memory_of(first.pid, "VmHWM") or MEMORY) < MEMORY
    finally:
        first.terminate()
        await first.wait()


def _big(path, size):
    digest, rng = hashlib.sha256(), Random(3)
    block = rng.randbytes(1 << 20)
    with path.open("wb") as file:
        for number in range(size >> 20):
            piece = number.to_bytes(8, "big") + block[8:]
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


async def _first_words(process):
    async with asyncio.timeout(30):
        while b"/files/" not in await process.stdout.readline():
            continue


async def _run(root, env, *args):
    process = await asyncio.create_subprocess_exec(
        *TITIP,
        *args,
        cwd=root,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT if args[0] == "push" else None,
    )
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def _lo_token(root, env):
    code, out = await _run(
        root, env, "token", "create", "--role", "lo", "--submitter", "p", "--json"
    )
    assert code == 0
    return json.loads(out)["token"]


async def _push(root, env, url, folder):
    return await _run(root, env, "push", str(folder), "--to", url)


async def _uploads(root, env):
    rows, after = [], ""
    while True:
        more = ["--after", after] if after else []
        code, out = await _run(root, env, "uploads", "--json", "--limit", "1000", *more)
        assert code == 0
        page = json.loads(out)
        rows += page["uploads"]
        after = page["next"]
        if not after:
            return rows

"""Clients that never heard of Titip hand files in unchanged: tuspy, tus-js-client, curl."""

import asyncio
import base64
import hashlib
import re
import shutil
from pathlib import Path
from random import Random

import pytest
from tusclient.client import TusClient

from tests.e2e.outage import outage

pytestmark = pytest.mark.e2e

NODE = Path(__file__).parent / "node"
SIZE = (5 << 20) + 12345


@pytest.fixture
def paper(tmp_path):
    path = tmp_path / "surat pernyataan.pdf"
    path.write_bytes(Random(7).randbytes(SIZE))
    return path


async def test_stock_tuspy_in_chunks_of_a_mebibyte(tmp_path, paper):
    async with outage(tmp_path) as scene:

        def upload():
            client = TusClient(scene.url + "/files/", headers={"Authorization": _bearer(scene)})
            with paper.open("rb") as stream:
                uploader = client.uploader(
                    file_stream=stream,
                    chunk_size=1 << 20,
                    metadata={"filename": paper.name},
                )
                uploader.upload()
            return uploader.url

        location = await asyncio.to_thread(upload)

        await _sealed_as(scene, location, paper)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here")
@pytest.mark.skipif(not (NODE / "node_modules").is_dir(), reason="`make node` was not run")
@pytest.mark.parametrize("chunk", ["1048576", "Infinity"])
async def test_stock_tus_js_client_from_node(tmp_path, paper, chunk):
    async with outage(tmp_path) as scene:
        args = [str(NODE / "upload.mjs"), scene.url + "/files/", scene.lo, str(paper), chunk]

        location = await _output_of("node", *args)

        await _sealed_as(scene, location.strip(), paper)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
async def test_curl_with_creation_with_upload(tmp_path, paper):
    async with outage(tmp_path) as scene:
        name = base64.b64encode(paper.name.encode()).decode()
        answer = await _output_of(
            "curl",
            "--silent",
            "--fail-with-body",
            "--include",
            "--data-binary",
            f"@{paper}",
            "--header",
            f"Authorization: {_bearer(scene)}",
            "--header",
            "Tus-Resumable: 1.0.0",
            "--header",
            f"Upload-Length: {SIZE}",
            "--header",
            "Content-Type: application/offset+octet-stream",
            "--header",
            f"Upload-Metadata: filename {name}",
            scene.url + "/files/",
        )

        assert "201 Created" in answer
        location = re.search(r"^Location: (\S+)", answer, re.MULTILINE)
        assert location is not None
        await _sealed_as(scene, location[1], paper)


async def test_a_sealed_file_comes_back_to_its_owner_whole(tmp_path, paper):
    async with outage(tmp_path) as scene:
        code, said = await scene.push(paper)
        assert code == 0, said
        uploads = await asyncio.to_thread(scene.ask, "/api/uploads", token=scene.lo)
        url = f"{scene.url}/files/{uploads['uploads'][0]['id']}"

        back = tmp_path / "back"
        header = f"Authorization: {_bearer(scene)}"
        await _output_of("curl", "--silent", "--fail", "--output", str(back), "-H", header, url)

        assert _sha256(back) == _sha256(paper)


def _bearer(scene):
    return f"Bearer {scene.lo}"


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def _output_of(*args):
    process = await asyncio.create_subprocess_exec(
        *args,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode()


async def _sealed_as(scene, location, path):
    upload = await asyncio.to_thread(scene.ask, f"/api/uploads/{location.rsplit('/', 1)[-1]}")
    assert upload["state"] == "sealed"
    assert upload["filename"] == path.name
    assert upload["sha256"] == _sha256(path)

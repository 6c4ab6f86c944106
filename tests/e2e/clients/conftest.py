"""One gateway for all stock clients, and a bad line of its own for each."""

import json
import re
import zlib
from random import Random

import pytest
import pytest_asyncio

from tests.e2e.clients.chromium import chromium
from tests.e2e.clients.fixtures import SIZE, Trial
from tests.e2e.clients.pages import pages as serve_pages
from tests.e2e.outage import outage
from tests.fault_proxy import fault_proxy


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def pages(tmp_path_factory):
    async with serve_pages(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(tmp_path_factory):
    async with chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def scene(tmp_path_factory, pages):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TITIP__GATEWAY__ORIGINS", json.dumps([pages.url]))
        async with outage(tmp_path_factory.mktemp("scene"), after="1h") as running:
            yield running


@pytest_asyncio.fixture(loop_scope="package")
async def trial(request, tmp_path, scene):
    name = request.node.name
    paper = tmp_path / f"surat {re.sub('[^a-z0-9]+', ' ', name.lower()).strip()}.pdf"
    paper.write_bytes(Random(zlib.crc32(name.encode())).randbytes(SIZE))
    async with fault_proxy(int(scene.url.rpartition(":")[2])) as line:
        yield Trial(scene, line, paper)

"""A file that rots between seal and delivery: told, never passed on, repaired, delivered."""

import asyncio
import json
from pathlib import Path

import pytest

from tests import rot
from tests.e2e.outage import outage
from tests.e2e.papers import papers

pytestmark = pytest.mark.e2e


async def test_rot_is_seen_and_mended_and_the_registry_gets_the_file_once(tmp_path):
    folder = tmp_path / "papers"
    papers(folder, 3)
    async with outage(tmp_path, after="100ms") as scene:
        scene.registry.set_mode("down")
        await scene.push(folder)
        await scene.until(lambda: _has(scene, "mirror", delivered=3), within=30)
        rotten = (await asyncio.to_thread(scene.ask, "/api/uploads"))["uploads"][1]["id"]
        rot.flip(tmp_path / "data" / "spool" / rotten[:2] / rotten)

        scene.registry.set_mode("healthy")
        await scene.until(lambda: _has(scene, "registry", delivered=2, parked=1), within=30)

        assert scene.registry.stats()["distinct"] == 2
        status = (await scene.run("status")).stdout
        assert "1 kept file is DAMAGED" in status
        assert "titip repair --all" in status
        page = await asyncio.to_thread(scene.text, "/metrics")
        assert "titip_uploads_damaged 1.0" in page
        assert '"upload.damaged"' in scene.server.log.read_text()

        told = json.loads((await scene.run("repair", "--all", "--json")).stdout)

        assert [one["fate"] for one in told["uploads"]] == ["repaired"]
        await scene.until(lambda: scene.all_delivered(3), within=30)
        assert scene.registry.stats()["duplicates"] == 0
        handed_in = {one.read_bytes() for one in folder.rglob("*") if one.is_file()}
        assert _held(scene.registry) == handed_in
        assert (await asyncio.to_thread(scene.ask, "/api/status"))["damaged"] == 0


async def _has(scene, destination, **counts):
    return await scene.counts(destination) == counts


def _held(registry):
    return {Path(str(one["path"])).read_bytes() for one in registry.entries()}

"""What an operator does at 23:30, through the command line and the API."""

import asyncio
import json
import sqlite3
import time
from contextlib import closing

import pytest

from tests.e2e.outage import outage
from tests.e2e.papers import papers

pytestmark = pytest.mark.e2e


async def test_parked_deliveries_are_sent_again_once_their_cause_is_mended(tmp_path):
    folder = tmp_path / "papers"
    papers(folder, 12)
    async with outage(tmp_path) as scene:
        scene.registry.set_mode("refusing")
        await scene.push(folder)
        await scene.until(lambda: _has(scene, parked=12), within=30)
        listed = await scene.run("deliveries", "--state", "parked", "--json")
        assert len(json.loads(listed.stdout)["deliveries"]) == 12

        scene.registry.set_mode("healthy")
        said = await scene.run("resync", "--parked", "--json")

        assert json.loads(said.stdout)["requeued"] == 12
        await scene.until(lambda: _has(scene, delivered=12), within=30)
        assert scene.registry.stats()["duplicates"] == 0


async def test_a_pause_stops_claims_within_a_second_and_a_resume_starts_them(tmp_path):
    folder = tmp_path / "papers"
    papers(folder, 300, largest=2048)
    async with outage(tmp_path) as scene:
        scene.registry.set_mode("slow", seconds=0.05)
        pushing = await scene.begin_push(folder)
        await scene.until(lambda: _some(scene), within=30)

        await scene.run("pause", "registry")
        paused_at = time.time()
        await pushing.communicate()
        assert pushing.returncode == 0
        started = await asyncio.to_thread(_starts_of_attempts, scene)
        assert 0 < len(started) < 300
        assert max(started) < paused_at + 1
        held = scene.registry.stats()["distinct"]

        await scene.run("resume", "registry")
        began = time.monotonic()
        await scene.until(lambda: _more(scene, held), within=5)
        assert time.monotonic() - began < 3
        await scene.until(lambda: scene.all_delivered(300), within=60)


async def test_the_screens_of_an_operator_tell_the_story(tmp_path):
    folder = tmp_path / "papers"
    papers(folder, 3)
    async with outage(tmp_path) as scene:
        await scene.push(folder)
        await scene.until(lambda: scene.all_delivered(3), within=30)

        status = json.loads((await scene.run("status", "--json")).stdout)
        assert status["uploads"] == {"sealed": 3}
        uploads = json.loads((await scene.run("uploads", "--json")).stdout)["uploads"]
        receipt = json.loads((await scene.run("receipt", uploads[0]["id"], "--json")).stdout)
        assert receipt["sha256"] == uploads[0]["sha256"]
        assert (await scene.run("check")).returncode == 0
        assert "registry" in (await scene.run("status")).stdout


def _starts_of_attempts(scene):
    with closing(sqlite3.connect(f"file:{scene.root}/data/journal.db?mode=ro", uri=True)) as db:
        return [
            ms / 1000
            for (ms,) in db.execute(
                "SELECT started_at FROM attempts WHERE delivery LIKE '%.registry'"
            )
        ]


async def _has(scene, **counts):
    return await scene.counts("registry") == counts


async def _some(scene):
    return scene.registry.stats()["distinct"] > 20


async def _more(scene, held):
    return scene.registry.stats()["distinct"] > held

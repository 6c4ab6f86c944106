"""The outage story: stalled, handed in, mirrored, healed, delivered once."""

import asyncio
from collections import Counter

import pytest

from tests.e2e.outage import outage
from tests.e2e.papers import papers

pytestmark = pytest.mark.e2e


@pytest.mark.timeout(240)
async def test_five_hundred_files_outlive_a_stall_and_arrive_once(tmp_path):
    folder = tmp_path / "papers"
    digests = papers(folder, 500)
    async with outage(tmp_path) as scene:
        scene.registry.set_mode("stalled")

        code, said = await scene.push(folder)
        assert code == 0, said
        await scene.until(lambda: _all_mirrored(scene, 500), within=120)
        scene.registry.set_mode("healthy")
        await scene.until(lambda: scene.all_delivered(500), within=120)

        wanted = Counter(digests.values())
        assert Counter(entry["sha256"] for entry in scene.registry.entries()) == wanted
        assert Counter(_held_by(scene.drive)) == wanted
        assert scene.registry.stats()["duplicates"] == 0
        deliveries = await asyncio.to_thread(_all_deliveries, scene)
        assert max(one["attempts"] for one in deliveries if one["destination"] == "registry") <= 2
        _tells_no_secret(scene, digests)


async def test_a_second_push_sends_nothing_and_says_so(tmp_path):
    folder = tmp_path / "papers"
    papers(folder, 30)
    async with outage(tmp_path) as scene:
        await scene.push(folder)
        before = await asyncio.to_thread(scene.ask, "/api/status")

        code, said = await scene.push(folder)

        assert code == 0
        assert "nothing was sent" in said
        after = await asyncio.to_thread(scene.ask, "/api/status")
        assert after["uploads"] == before["uploads"]


async def test_a_stop_lets_go_within_ten_seconds_with_a_stalled_delivery_under_way(tmp_path):
    folder = tmp_path / "papers"
    papers(folder, 5)
    async with outage(tmp_path, after="1h") as scene:
        scene.registry.set_mode("stalled", health_lies=True)
        await scene.push(folder)

        code = await asyncio.to_thread(scene.server.stop, within=10)

        assert code == 0


def _tells_no_secret(scene, digests):
    """Promise 9: no token, no session address and no file name in logs and metrics."""
    page = scene.text("/metrics")
    told = scene.server.log.read_text() + page
    secrets = [scene.lo, scene.operator, scene.lo.split("_", 2)[2], "upload_id=", "uploadType="]
    names = [name.rsplit("/", 1)[-1].partition("\n")[0] for name in digests]
    assert "delivery.delivered" in told
    assert 'titip_deliveries{destination="registry",state="delivered"} 500.0' in page
    assert [secret for secret in [*secrets, *names] if secret in told] == []


def _held_by(drive):
    return [entry["sha256"] for entry in drive.entries() if entry.get("sha256")]


async def _all_mirrored(scene, number):
    return (await scene.counts("mirror")).get("delivered") == number


def _all_deliveries(scene):
    rows, after = [], ""
    while True:
        page = scene.ask(f"/api/deliveries?limit=500&after={after}")
        rows += page["deliveries"]
        after = page["next"]
        if not after:
            return rows

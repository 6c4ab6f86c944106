"""`kill -9` at random moments of the whole story: nothing is lost and nothing arrives twice."""

import asyncio
from collections import Counter
from random import Random, SystemRandom

import pytest

from tests.e2e.outage import outage
from tests.e2e.papers import papers
from tests.nightly import NIGHTLY

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("uncounted")]

FILES, KILLS = (500, 30) if NIGHTLY else (150, 10)


@pytest.mark.timeout(300)
async def test_a_server_killed_again_and_again_keeps_every_file_and_doubles_none(tmp_path):
    seed = SystemRandom().randrange(1 << 32)
    (tmp_path / "seed").write_text(str(seed))
    rng = Random(seed)
    folder = tmp_path / "papers"
    digests = papers(folder, FILES, seed=seed)
    async with outage(tmp_path) as scene:
        scene.registry.set_mode("stalled")
        pushing = await scene.begin_push(folder)

        for kill in range(KILLS):
            if kill == KILLS // 2:
                scene.registry.set_mode("healthy")
            await asyncio.sleep(rng.uniform(0.0, 0.6))
            await asyncio.to_thread(_kill_and_restart, scene.server)
        said, _ = await pushing.communicate()
        assert pushing.returncode == 0, said.decode()
        await scene.until(lambda: scene.all_delivered(FILES), within=90)

        assert scene.server.kills == KILLS
        arrived = Counter(entry["sha256"] for entry in scene.registry.entries())
        assert arrived == Counter(digests.values())
        stats = scene.registry.stats()
        assert (stats["duplicates"], stats["mismatched"]) == (0, 0)
        mirrored = Counter(
            entry["sha256"] for entry in scene.drive.entries() if entry.get("sha256")
        )
        assert not mirrored - arrived


def _kill_and_restart(server):
    server.kill()
    server.start()
    server.ready()

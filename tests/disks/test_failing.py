"""A disk that fails at any moment: Titip stops, says so, and a restart finds all it promised.

The file system loses, with each sync that fails, what was written since the one before; a second
sync would succeed. Whoever took that for a promise loses bytes here.
"""

from __future__ import annotations

import errno
from random import Random

import pytest

from storage.files.failure_note import trouble_of
from tests.disks.mounts import faulty_disk, why_no_fuse
from tests.disks.world import world

pytestmark = pytest.mark.skipif(bool(why_no_fuse()), reason=why_no_fuse())

POINTS = 50

LASTING = 1 << 30

FAULTS = (
    (("sync",), "/spool/"),
    (("write",), "/spool/"),
    (("sync",), "/journal.db-wal"),
    (("write",), "/journal.db-wal"),
    (("write", "sync"), "/journal.db$"),
    (("write", "sync"), ""),
)


async def test_a_disk_that_fails_at_any_moment_loses_nothing_that_was_acknowledged(
    tmp_path, monkeypatch
):
    rng = Random(5)
    struck = 0

    with faulty_disk(tmp_path / "disk", tmp_path / "behind") as disk:
        async with world(disk.place / "data", monkeypatch) as titip:
            while struck < POINTS:
                begun = titip.paper(rng.randbytes(rng.randrange(1, 300_000)))
                await titip.step(begun, most=rng.randrange(100_000))
                for _ in range(2):
                    titip.paper(rng.randbytes(rng.randrange(1, 300_000)))
                calls, name = rng.choice(FAULTS)
                # A write that fails once is a short one to its writer, who writes the rest again.
                times = rng.choice([1, LASTING]) if calls == ("sync",) else LASTING

                disk.strike(*calls, name=name, after=rng.randrange(8), times=times)
                statuses = set(await titip.step_all())
                hits = disk.heal()
                struck += hits > 0
                if hits and name:  # without a name it may have been the mirror's trouble alone
                    await refuses_until_a_restart(titip)

                assert statuses <= {0, 201, 204, 503}
                await titip.stop()
                await titip.start()
                assert (await titip.ready())[0] == 200
                await titip.finish()
            await titip.judge()


async def refuses_until_a_restart(titip):
    await titip.until_ready(503)
    _, told = await titip.ready()
    assert not told["checks"]["storage"]
    assert "restart" in told["advice"][0]
    assert trouble_of(titip.root, "gateway")
    assert set(await titip.step_all()) <= {503}
    for paper in titip.papers:
        if paper.address:
            await titip.offset(paper)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
async def test_a_sync_without_room_is_not_believed_the_second_time(error, tmp_path, monkeypatch):
    rng = Random(28)

    with faulty_disk(tmp_path / "disk", tmp_path / "behind") as disk:
        async with world(disk.place / "data", monkeypatch) as titip:
            paper = titip.paper(rng.randbytes(200_000))
            await titip.step(paper, most=50_000)

            disk.strike("sync", name="/spool/", times=1, error=error)
            status = await titip.step(paper)
            offset = await titip.offset(paper)
            disk.heal()

            assert (status, offset) == (507, 50_000)
            await titip.finish()
            await titip.judge()


async def test_a_quota_that_is_used_up_is_a_full_disk_to_the_journal(tmp_path, monkeypatch):
    with faulty_disk(tmp_path / "disk", tmp_path / "behind") as disk:
        async with world(disk.place / "data", monkeypatch) as titip:
            first, second = titip.paper(b"one"), titip.paper(b"two")

            disk.strike("write", name="/journal.db-wal", error=errno.EDQUOT)
            refused = await titip.step(first)
            disk.strike("write", name="/journal.db-wal", times=1, error=errno.ENOSPC)
            await titip.until_ready()
            saved_by_the_ballast = await titip.step(second)
            disk.heal()

            assert (refused, saved_by_the_ballast) == (507, 201)
            await titip.until_ready()
            await titip.finish()
            await titip.judge()


async def test_while_the_spool_fails_what_is_kept_is_still_passed_on(tmp_path, monkeypatch):
    with faulty_disk(tmp_path / "disk", tmp_path / "behind") as disk:
        async with world(disk.place / "data", monkeypatch) as titip:
            kept = titip.paper(b"kept" * 1000)
            disk.strike("write", "create", name="/mirror/")
            assert await titip.step(kept) == 201
            lost = titip.paper(b"lost" * 1000)

            disk.strike("sync", name="/spool/")
            status = await titip.step(lost)

            assert status == 503
            titip.papers.remove(lost)
            await titip.judge()

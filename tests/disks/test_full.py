"""A disk that is full at any moment: nothing acknowledged is lost, and all goes on by itself."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from random import Random

import pytest

from storage.files.reserved_space import Ballast
from storage.journal.database import Journal
from tests.disks.mounts import MIB, memory_disk, small_disk, why_not
from tests.disks.world import world

pytestmark = pytest.mark.skipif(bool(why_not("mkfs.ext4")), reason=why_not("mkfs.ext4"))

POINTS = 50
"""On each of the file systems."""


@contextmanager
def filled(root, *, but):
    """Take all room on the disk, but so many bytes; it is given back at the end."""
    filler = root.parent / "filler"
    with filler.open("wb") as file, suppress(OSError):
        while (size := free(root) - but) > 0:
            os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), min(size, MIB))
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while free(root) > but:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


def free(root):
    disk = os.statvfs(root)
    return disk.f_bavail * disk.f_frsize


@pytest.mark.parametrize("disk", [small_disk, memory_disk])
async def test_a_disk_that_fills_up_at_any_moment_loses_nothing(disk, tmp_path, monkeypatch):
    rng = Random(507)
    seen = set()

    with disk(tmp_path / "disk", size=96 * MIB) as place:
        async with world(place / "data", monkeypatch) as titip:
            for _ in range(POINTS):
                begun = titip.paper(rng.randbytes(rng.randrange(1, 400_000)))
                await titip.step(begun, most=rng.randrange(100_000))
                for _ in range(2):
                    titip.paper(rng.randbytes(rng.randrange(1, 400_000)))

                with filled(place / "data", but=rng.choice([0, 0, rng.randrange(900_000)])):
                    seen.update(await titip.step_all())
                    seen.update(await titip.step_all())
                    for paper in titip.papers[-3:]:
                        if paper.address:
                            await titip.offset(paper)

                await titip.until_ready()
                await titip.finish()
            await titip.judge()

    assert seen <= {0, 201, 204, 507}
    assert 507 in seen


async def test_the_journal_has_room_of_its_own_when_the_disk_has_none(tmp_path, monkeypatch):
    rng = Random(2)

    with small_disk(tmp_path / "disk") as place:
        async with world(place / "data", monkeypatch) as titip:
            begun = [titip.paper(rng.randbytes(60_000)) for _ in range(3)]
            for paper in begun:
                await titip.step(paper, most=10_000)
            ballast = place / "data" / "ballast"
            assert 3 * MIB < ballast.stat().st_size <= 4 * MIB  # a sixteenth of a small disk

            with filled(place / "data", but=0):
                statuses = [await titip.step(paper) for paper in begun]
                status, told = await titip.ready()
                offsets = [await titip.offset(paper) for paper in begun]

            assert set(statuses) == {507}
            assert status == 503
            assert not told["checks"]["room"]
            assert "make room" in " ".join(told["advice"])
            assert all(offset >= 10_000 for offset in offsets)

            await titip.until_ready()
            assert ballast.exists()
            await titip.finish()
            await titip.judge()


async def test_a_commit_that_finds_no_room_takes_the_ballast_s_and_is_tried_again(tmp_path):
    def large(db):
        db.execute("INSERT INTO destinations (name) VALUES (?)", ("x" * MIB,))

    with small_disk(tmp_path / "disk") as place:
        (place / "data").mkdir()
        ballast = Ballast(place / "data" / "ballast")
        path = place / "data" / "journal.db"
        with Journal(path, ballast=ballast, serving=True) as journal, filled(path.parent, but=0):
            await journal.write(large)
            given_up = not journal.reserved
            names = await journal.read(
                lambda db: db.execute("SELECT length(name) FROM destinations").fetchall()
            )

    assert given_up
    assert names == [(MIB,)]

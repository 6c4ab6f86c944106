"""A mirror on a disk that takes nothing, and says so to nobody."""

from __future__ import annotations

import pytest

from sync import containment
from sync.containment import Contained
from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from tests.disks.mounts import run, small_disk, why_not
from tests.waiting import until

NEEDS = ("mkfs.ext4", "fsfreeze")


@pytest.mark.skipif(bool(why_not(*NEEDS)), reason=why_not(*NEEDS))
async def test_a_mirror_whose_disk_hangs_is_not_well_until_it_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(containment, "PROBE_WITHIN", 0.2)
    with small_disk(tmp_path / "disk") as place:
        mirror = Contained(FolderMirror(FolderOptions(place)))
        run("fsfreeze", "--freeze", place)
        try:
            assert await mirror.probe() is False
            assert await mirror.probe() is False
        finally:
            run("fsfreeze", "--unfreeze", place)

        async def is_well():
            return await mirror.probe()

        await until(is_well)

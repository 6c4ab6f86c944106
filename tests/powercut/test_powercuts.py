"""Promises 1 and 2 across power cuts: the real gateway, a recorded disk, and every kind of cut."""

from __future__ import annotations

import os
from random import SystemRandom

import pytest

from tests.powercut.campaign import KEPT, run
from tests.powercut.disks import Disk, why_not

SEED = int(os.environ.get("TITIP_POWERCUT_SEED") or SystemRandom().getrandbits(32))

pytestmark = pytest.mark.powercut


@pytest.mark.holds("titip:offset-stable")
@pytest.mark.parametrize(("disk", "images"), [(Disk.EXT4, 110), (Disk.XFS, 80), (Disk.STRICT, 120)])
def test_all_that_was_acknowledged_is_there_after_any_power_cut(disk, images, tmp_path):
    if reason := why_not(disk):
        pytest.skip(f"no power cuts on {disk}: {reason}")

    report = run(disk, tmp_path, seed=SEED, images=images, keep=KEPT)

    assert report.images == images
    assert not report.losses, "\n".join([str(report), *report.losses, report.again])

"""The checker can fail: each care that is left out is found out within a bounded number of cuts."""

from __future__ import annotations

import re

import pytest

from tests.powercut.campaign import run
from tests.powercut.disks import Disk, why_not
from tests.powercut.mutant import Mutant

MOST = 120
"""Cuts within which a loss must show."""

pytestmark = pytest.mark.powercut


@pytest.mark.parametrize(
    ("mutant", "disk", "loss"),
    [
        (Mutant.NO_DATA_SYNC, Disk.EXT4, "bytes"),
        # ext4 and XFS keep a new name when its file is synced; POSIX does not oblige them to.
        (Mutant.NO_FOLDER_SYNC, Disk.STRICT, "its file is missing"),
        (Mutant.SYNCHRONOUS_NORMAL, Disk.EXT4, "acknowledged|was shown"),
        (Mutant.OFFSET_BEFORE_DATA, Disk.XFS, "bytes"),
        (Mutant.SEAL_IN_TWO, Disk.EXT4, "is sealed, and owed to"),
        # ext4 writes a file that was cut to nothing when it is closed, and need not.
        (Mutant.JOIN_UNSYNCED, Disk.STRICT, "bytes"),
    ],
)
def test_a_gateway_that_leaves_out_this_care_is_found_out(mutant, disk, loss, tmp_path):
    if reason := why_not(disk):
        pytest.skip(f"no power cuts on {disk}: {reason}")

    report = run(disk, tmp_path, seed=11, images=MOST, mutant=mutant)

    assert report.losses, f"{mutant} lost nothing in {report.images} cuts on {disk}"
    assert re.search(loss, report.losses[0])

"""The disks forget what they may forget, and keep what they must: else no cut proves a thing."""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.powercut.cuts import Cut
from tests.powercut.disks import Disk, memory, recorded, why_not, wrecked

pytestmark = pytest.mark.powercut


@pytest.mark.parametrize("disk", Disk)
def test_a_cut_takes_what_was_not_synced_and_leaves_what_was(disk, tmp_path):
    if reason := why_not(disk):
        pytest.skip(f"no power cuts on {disk}: {reason}")

    with memory(tmp_path / "memory") as place:
        with recorded(disk, place / "recording") as (recording, top):
            write(top / "synced", b"kept", sync=True)
            position = sync_names(top, recording)
            write(top / "loose", b"lost", sync=False)
            later = recording.position()
        with (
            wrecked(recording, place / "wreck") as wreck,
            wreck.after(max(position, later), Cut.NOTHING, Random(1)) as left,
        ):
            found = {one.name: one.read_bytes() for one in left.iterdir() if one.is_file()}

    assert found["synced"] == b"kept"
    assert found.get("loose", b"") == b""


@pytest.mark.parametrize(("disk", "expected"), [(Disk.EXT4, True), (Disk.STRICT, False)])
def test_only_the_strict_disk_forgets_a_name_whose_folder_was_not_synced(disk, expected, tmp_path):
    if reason := why_not(disk):
        pytest.skip(f"no power cuts on {disk}: {reason}")

    with memory(tmp_path / "memory") as place:
        with recorded(disk, place / "recording") as (recording, top):
            write(top / "file", b"bytes", sync=True)
            position = recording.position()
        with (
            wrecked(recording, place / "wreck") as wreck,
            wreck.after(position, Cut.NOTHING, Random(1)) as left,
        ):
            found = (left / "file").exists()

    assert found is expected


def write(path, data, *, sync):
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())


def sync_names(top, recording):
    fd = os.open(top, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    return recording.position()

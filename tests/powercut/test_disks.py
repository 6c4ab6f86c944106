"""The disks forget what they may forget, and keep what they must: else no cut proves a thing."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.powercut.cuts import Cut
from tests.powercut.disks import Disk, memory, recorded, why_not, wrecked
from tests.waiting import wait_for

APART = ("unshare", "-m", "--propagation", "private")

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


@pytest.mark.parametrize("disk", [Disk.EXT4, Disk.XFS])
def test_a_wreck_that_somebody_else_keeps_mounted_is_not_taken_for_the_next_one(disk, tmp_path):
    """A mount namespace made meanwhile has a copy of each mount, and keeps it."""
    if reason := why_not(disk) or why_no_namespace():
        pytest.skip(f"no power cuts on {disk}: {reason}")

    with memory(tmp_path / "memory") as place:
        with recorded(disk, place / "recording") as (recording, top):
            first = sync_names(top, recording)
            write(top / "later", b"kept", sync=True)
            second = sync_names(top, recording)
        with wrecked(recording, place / "wreck") as wreck, ExitStack() as holding:
            with wreck.after(first, Cut.NOTHING, Random(1)) as left:
                holding.enter_context(held_elsewhere(left))
            with wreck.after(second, Cut.NOTHING, Random(1)) as left:
                found = (left / "later").read_bytes() if (left / "later").exists() else None

    assert found == b"kept"


@pytest.mark.parametrize("disk", [Disk.EXT4, Disk.XFS])
def test_a_wreck_with_a_file_still_open_is_not_taken_for_the_next_one(disk, tmp_path):
    """Its unmount lasts until the file is closed."""
    if reason := why_not(disk):
        pytest.skip(f"no power cuts on {disk}: {reason}")

    with memory(tmp_path / "memory") as place:
        with recorded(disk, place / "recording") as (recording, top):
            write(top / "there", b"kept", sync=True)
            first = sync_names(top, recording)
            write(top / "later", b"kept", sync=True)
            second = sync_names(top, recording)
        with wrecked(recording, place / "wreck") as wreck, ExitStack() as holding:
            with wreck.after(first, Cut.NOTHING, Random(1)) as left:
                holding.enter_context((left / "there").open("rb"))
            with wreck.after(second, Cut.NOTHING, Random(1)) as left:
                found = (left / "later").read_bytes() if (left / "later").exists() else None

    assert found == b"kept"


def why_no_namespace():
    try:
        subprocess.run([*APART, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"a mount namespace is refused here ({error})"
    return None


@contextmanager
def held_elsewhere(place):
    """Keep the mounts there are alive in another mount namespace, `place` among them."""
    with subprocess.Popen([*APART, "sleep", "600"]) as process:
        try:
            apart = Path(f"/proc/{process.pid}")
            here = Path("/proc/self/ns/mnt").readlink()
            wait_for(lambda: (apart / "ns/mnt").readlink() != here)
            assert f" {place} " in (apart / "mounts").read_text("utf-8")
            yield
        finally:
            process.kill()


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

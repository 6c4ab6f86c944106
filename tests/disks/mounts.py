"""Mounts for tests: a small disk, a disk in memory, and one that fails on command."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tests.waiting import wait_for

MIB = 1 << 20
BOUND = 20.0
"""Seconds a mount or its end may take on a busy machine."""

HERE = Path(__file__).parents[2]


def why_not(*tools: str) -> str:
    """Tell why mounts cannot be had here, "" if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting needs Linux and root"
    for tool in ("mount", "umount", *tools):
        if shutil.which(tool) is None:
            return f"{tool} is not here"
    with tempfile.TemporaryDirectory() as place:
        try:
            run("mount", "-t", "tmpfs", "none", place)
        except OSError as error:
            return f"mounting is refused here ({error})"
        run("umount", place)
    return ""


def why_no_fuse():
    """Tell why no file system of our own can be mounted here, "" if it can."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "there is no /dev/fuse"
    try:
        import mfusepy  # noqa: F401, PLC0415 - looks for libfuse, and fails without it
    except (ImportError, OSError) as error:
        return f"libfuse cannot be loaded ({error}): install fuse3"
    return why_not()


@contextmanager
def memory_disk(place, *, size=64 * MIB, options=""):
    """Mount a disk in memory."""
    place.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700{options}", "titip-disks", place)
    try:
        yield place
    finally:
        unmount(place)


def small_disk(place, *, size=64 * MIB):
    """Mount an ext4 of that size."""
    make = ("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0")
    return _image(place, size, "ext4", make)


def sharing_disk(place: Path, *, size: int = 304 * MIB) -> AbstractContextManager[Path]:
    """Mount an XFS of that size, where files can share bytes; mkfs.xfs refuses less than 300."""
    return _image(place, size, "xfs", ("mkfs.xfs", "-q", "-f"))


@contextmanager
def _image(place, size, kind, make):
    place.mkdir(exist_ok=True)
    image = place.with_name(f"{place.name}.img")
    image.touch()
    os.truncate(image, size)
    with ExitStack() as stack:
        stack.callback(image.unlink)
        run(*make, image)
        run("mount", "-t", kind, "-o", "loop,noatime", image, place)
        stack.callback(unmount, place)
        yield place


class FaultyDisk:
    """A mounted folder whose calls can be made to fail."""

    def __init__(self, place, process):
        self.place = place
        self._process = process

    def strike(self, *calls, name="", after=0, times=1 << 30, error=errno.EIO):
        """Let these calls fail (write, sync, read, create) from the next one on, or a later."""
        return self._tell(calls=list(calls), name=name, after=after, times=times, error=int(error))

    def heal(self):
        """Let nothing fail; tell how often the fault struck."""
        return self._tell()

    def _tell(self, **fault):
        self._process.stdin.write(json.dumps(fault) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def faulty_disk(place, behind, *options):
    """Mount a folder through the file system that fails."""
    place.mkdir(exist_ok=True)
    behind.mkdir(exist_ok=True)
    # Coverage would slow every write of the disk down, and it is no code of ours to cover.
    quiet = {key: text for key, text in os.environ.items() if not key.startswith("COVERAGE")}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.disks.faulty", behind, place, *options],
        cwd=HERE,
        env=quiet,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        try:
            _until_mounted(place, process)
            yield FaultyDisk(place, process)
        finally:
            unmount(place)
            try:
                process.wait(BOUND)
            except subprocess.TimeoutExpired:
                process.kill()


def _until_mounted(place, process):
    wait_for(lambda: place.is_mount() or process.poll() is not None, within=BOUND)
    if not place.is_mount():
        raise OSError(f"the file system did not come up ({process.returncode})")


def unmount(place):
    """Unmount, now, or as soon as nobody has a file there open."""
    try:
        run("umount", place)
    except OSError:
        run("umount", "--lazy", place)


def run(*command):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout

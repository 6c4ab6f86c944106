"""Disks to cut: made, mounted, recorded, rebuilt after a cut, and always taken down again."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tests.powercut.blocks import Blocks
from tests.powercut.held import is_held
from tests.powercut.names import Names
from tests.powercut.recording import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tests.powercut.cuts import Cut

BOUND = 20.0
"""Seconds a mount or its end may take on a busy machine."""

HERE = Path(__file__).parents[2]  # not resolved: a link stays what it is


class Disk(StrEnum):
    """What the data folder lies on."""

    EXT4 = "ext4"
    XFS = "xfs"
    STRICT = "strict"
    """No real file system: one that keeps nothing but what POSIX promises."""


MIB = 1 << 20
SIZES = {Disk.EXT4: 64 * MIB, Disk.XFS: 304 * MIB}
"""Sparse. mkfs.xfs refuses less than 300 MiB."""

MAKE = {
    Disk.EXT4: ("mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0", "-m", "0"),
    Disk.XFS: ("mkfs.xfs", "-q", "-f"),
}


def why_not(disk: Disk) -> str | None:
    """Tell why this disk cannot be had here, None if it can."""
    if sys.platform != "linux":
        return "power cuts are played on Linux only"
    if os.geteuid() != 0:
        return "mounting needs root"
    return _why_no_fuse() or _why_no_blocks(disk) or _why_no_mount(disk)


def _why_no_fuse() -> str | None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "there is no /dev/fuse"
    try:
        import mfusepy  # noqa: F401, PLC0415 - looks for libfuse, and fails without it
    except (ImportError, OSError) as error:
        return f"libfuse cannot be loaded ({error}): install fuse3"
    return None


def _why_no_blocks(disk: Disk) -> str | None:
    if disk is Disk.STRICT:
        return None
    for tool in (MAKE[disk][0], "losetup"):
        if shutil.which(tool) is None:
            return f"{tool} is not here"
    known = Path("/proc/filesystems").read_text("ascii").split()
    return None if disk.value in known else f"this kernel has no {disk}"


def _why_no_mount(disk: Disk) -> str | None:
    with tempfile.TemporaryDirectory(prefix="titip-powercut-") as folder, ExitStack() as stack:
        place = Path(folder, "place")
        try:
            stack.enter_context(memory(place))
            if disk is not Disk.STRICT:
                image = place / "trial"
                image.write_bytes(bytes(MIB))
                stack.enter_context(_looped(image))
        except (OSError, subprocess.SubprocessError) as error:
            return f"a mount or a loop device is refused here ({error})"
    return None


@contextmanager
def memory(place: Path) -> Iterator[Path]:
    """Give a folder in memory: images are many, and nothing of them needs to last."""
    place.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", "size=4g,mode=0700", "titip-powercut", place)
    try:
        yield place
    finally:
        _unmount(place)


@dataclass(frozen=True, slots=True)
class Recording:
    """A disk's first image and its log, in one folder."""

    disk: Disk
    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "before.img"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def ledger(self) -> Path:
        return self.folder / "promises.json"

    def position(self) -> int:
        return self.log.stat().st_size


@contextmanager
def recorded(disk: Disk, folder: Path) -> Iterator[tuple[Recording, Path]]:
    """Give a recording that runs as long as the block, and the mounted disk's top folder."""
    folder.mkdir(parents=True, exist_ok=True)
    recording = Recording(disk, folder)
    behind, fuse, top = folder / "behind", folder / "fuse", folder / "top"
    with ExitStack() as stack:
        if disk is Disk.STRICT:
            behind.mkdir()
            stack.callback(shutil.rmtree, behind)
            stack.enter_context(_fused("strict", top, behind, recording.log))
        else:
            _make(disk, recording.image)
            copy_sparse(recording.image, behind)
            stack.callback(behind.unlink)
            stack.enter_context(_fused("recorder", fuse, behind, recording.log))
            device = stack.enter_context(_looped(fuse / NAME))
            stack.enter_context(_mounted(disk, device, top))
        yield recording, top


class Wreck:
    """The disk after a cut, again and again: positions must rise."""

    def __init__(self, recording: Recording, folder: Path, stack: ExitStack) -> None:
        self._disk = recording.disk
        self._top = folder / "wreck"
        self._folder = folder
        self._loop = stack.enter_context(ExitStack())
        self._number = 0
        self._device: str | None = None
        self._state: Blocks | Names
        if recording.disk is Disk.STRICT:
            self._state = Names(recording.log)
            return
        base = folder / "base.img"
        copy_sparse(recording.image, base)
        blocks = Blocks(base, recording.log)
        stack.callback(blocks.close)
        self._state = blocks
        self._device = self._fresh()

    @contextmanager
    def after(self, position: int, cut: Cut, rng: Random) -> Iterator[Path]:
        """Cut there, and give the top folder of what is left; raises OSError if it cannot mount."""
        self._state.forward(position)
        if self._device is None:
            self._state.leave(cut, self._top, rng)
            try:
                yield self._top
            finally:
                shutil.rmtree(self._top)
        else:
            if is_held(self._device):
                self._device = self._fresh()
            self._state.leave(cut, self._image, rng)
            with _mounted(self._disk, self._device, self._top):
                yield self._top

    @property
    def _image(self) -> Path:
        return self._folder / f"wreck-{self._number}.img"

    def _fresh(self) -> str:
        """Give a device with an image of its own, and leave the one before to who holds it."""
        self._loop.close()
        self._number += 1
        self._image.touch()
        os.truncate(self._image, SIZES[self._disk])
        self._loop.callback(self._image.unlink)
        return self._loop.enter_context(_looped(self._image))


@contextmanager
def wrecked(recording: Recording, folder: Path) -> Iterator[Wreck]:
    """Give the disk to be cut; `folder` is for its images."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        yield Wreck(recording, folder, stack)


def _make(disk: Disk, image: Path) -> None:
    image.touch()
    os.truncate(image, SIZES[disk])
    _run(*MAKE[disk], image)


def copy_sparse(source: Path, target: Path) -> None:
    """Copy an image without filling its holes."""
    _run("cp", "--sparse=always", source, target)


@contextmanager
def _fused(module: str, place: Path, behind: Path, log: Path) -> Iterator[None]:
    place.mkdir()
    log.touch()
    # Coverage would slow every write of the disk down, and it is no code of ours to cover.
    quiet = {key: text for key, text in os.environ.items() if not key.startswith("COVERAGE")}
    words = (sys.executable, "-m", f"tests.powercut.{module}", place, behind, log)
    command = [str(word) for word in words]
    with subprocess.Popen(command, cwd=HERE, env=quiet) as process:
        try:
            _until_mounted(place, process)
            yield
        finally:
            _unmount(place)
            try:
                process.wait(BOUND)
            except subprocess.TimeoutExpired:
                process.kill()


def _until_mounted(place: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + BOUND
    while not place.is_mount():
        if process.poll() is not None or time.monotonic() > until:
            raise OSError(f"the recording file system did not come up ({process.returncode})")
        time.sleep(0.01)  # a mount by another process sets no event


@contextmanager
def _looped(file: Path) -> Iterator[str]:
    device = _run("losetup", "--find", "--show", file).strip()
    try:
        yield device
    finally:
        _run("losetup", "--detach", device)


@contextmanager
def _mounted(disk: Disk, device: str, place: Path) -> Iterator[None]:
    place.mkdir(exist_ok=True)
    options = "noatime,nouuid" if disk is Disk.XFS else "noatime"  # one left behind has the same id
    _run("mount", "-t", disk.value, "-o", options, device, place)
    try:
        yield
    finally:
        _unmount(place)


def _unmount(place: Path) -> None:
    """Unmount, now or, when a process still has a file there open, as soon as it ends."""
    try:
        _run("umount", place)
    except OSError:
        with contextlib.suppress(OSError):
            _run("umount", "--lazy", place)


def _run(*command: str | Path) -> str:
    """Run a command and give what it said; raises OSError with what it complained of."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip() or done.returncode}")
    return done.stdout

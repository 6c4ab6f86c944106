"""What Titip stands on: the data folder, its disk, the clock, SQLite, open files."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import apsw

from config.check.finding import failure, ok, warning
from storage.journal.migrate import UnfitJournal, refuse_old_sqlite
from titip.text import amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.check.finding import Finding
    from config.settings import Settings

REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre"})
"""File systems on which SQLite's shared memory or its locks are not to be relied on."""
VOLATILE: Final = frozenset({"tmpfs", "ramfs", "devtmpfs"})
LAYERED: Final = frozenset({"overlay", "aufs"})

FEW_FILES: Final = 4096
"""Open files: a connection and its file are two, and a restart brings everybody back at once."""
EARLIEST: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""A clock before this was never set: Titip is younger."""
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""A clock after this was set by mistake."""
SLOW_SYNC: Final = 0.1
"""Seconds for one sync; every upload waits for at least one."""

_TIMEX_BYTES: Final = 512
_NOT_SYNCHRONIZED: Final = 5
"""What adjtimex(2) returns (TIME_ERROR) while nothing keeps the clock right."""
_OCTAL: Final = {r"\040": " ", r"\011": "\t", r"\134": "\\"}


def machine_findings(settings: Settings) -> Iterator[Finding]:
    """Look at this machine."""
    yield from _folder(settings.storage.path)
    yield from _file_system(settings.storage.path)
    yield _space(settings)
    yield _sqlite()
    yield _open_files()
    yield _clock()


def existing(path: Path) -> Path:
    """Give the path, or the nearest folder above it that is there."""
    path = path.absolute()
    return next(place for place in (path, *path.parents) if is_there(place))


def is_there(path: Path) -> bool:
    """Tell whether a path can be seen; a name that is too long, or a closed folder, is no error."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises for these


def file_system(path: Path) -> str:
    """Name the file system that a path lies on, "" where this system does not tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    place, best = existing(path).resolve(), ("", "")
    for line in lines:
        mount, _, tail = line.partition(" - ")
        point = mount.split()[4]
        for code, sign in _OCTAL.items():
            point = point.replace(code, sign)
        if place.is_relative_to(point) and len(point) >= len(best[0]):
            best = point, tail.split()[0]
    return best[1]


def _folder(path: Path) -> Iterator[Finding]:
    topic = "data folder"
    there = existing(path)
    if not there.is_dir():
        yield failure(topic, f"{there} is a file", "name a folder in storage.path")
        return
    try:
        seconds = _sync_seconds(there)
    except OSError as error:
        yield failure(
            topic,
            f"{there} cannot be written ({error.strerror})",
            "give it to the account that runs titip (chown), or name another storage.path",
        )
        return
    state = "can be written" if there == path.absolute() else f"will be made in {there}"
    text = f"{path} {state}; a sync takes {1000 * seconds:.1f} ms"
    if seconds > SLOW_SYNC:
        yield warning(topic, text, "a slow disk slows every upload: use a local SSD")
    else:
        yield ok(topic, text)
    if there == path.absolute() and there.stat().st_mode & 0o077:
        yield warning(topic, f"others on this machine may look into {path}", f"chmod 700 {path}")


def _sync_seconds(folder: Path) -> float:
    """Write, sync and remove a small file; tell how long the sync took. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"titip check")
        file.flush()
        begun = time.perf_counter()
        os.fsync(file.fileno())
        return time.perf_counter() - begun


def _file_system(path: Path) -> Iterator[Finding]:
    topic, kind = "file system", file_system(path)
    if kind in REMOTE:
        yield failure(
            topic, f"{path} lies on {kind}", "use a disk of this machine: SQLite needs one"
        )
    elif kind in VOLATILE:
        yield failure(topic, f"{path} lies on {kind}: a restart loses all", "use a real disk")
    elif kind in LAYERED:
        yield warning(
            topic,
            f"{path} lies in a container's own layer ({kind}), which goes with the container",
            "mount a volume there",
        )
    elif kind:
        yield ok(topic, kind)


def _space(settings: Settings) -> Finding:
    topic, reserve = "free space", settings.storage.reserve
    free = shutil.disk_usage(existing(settings.storage.path)).free
    text = f"{amount(free)} free, {amount(reserve)} of it kept in reserve"
    if free <= reserve:
        return failure(
            topic, text, "make room, or lower storage.reserve: no file would be taken in"
        )
    if free - reserve < settings.gateway.max_upload:
        limit = amount(settings.gateway.max_upload)
        return warning(
            topic, text, f"one file may have {limit} (gateway.max_upload): it would not fit"
        )
    return ok(topic, text)


def _sqlite() -> Finding:
    version = apsw.sqlite_lib_version()
    try:
        refuse_old_sqlite(version)
    except UnfitJournal as error:
        return failure("SQLite", str(error), "pip install --upgrade apsw")
    return ok("SQLite", version)


def _open_files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)  # a start raises the soft one to it
    topic, text = "open files", f"at most {hard:,}"
    if hard == resource.RLIM_INFINITY:
        return ok(topic, "no limit")
    if hard < FEW_FILES:
        fix = f"ulimit -Hn {FEW_FILES}, or LimitNOFILE={FEW_FILES} in the systemd unit"
        return warning(topic, f"{text}: enough for about {hard // 3:,} uploads at once", fix)
    return ok(topic, text)


def _clock() -> Finding:
    topic, now = "clock", datetime.now(UTC)
    if not EARLIEST <= now < LATEST:
        return failure(topic, f"it says {now:%Y-%m-%d}", "set it: receipts carry its time")
    text = f"{now.astimezone():%Y-%m-%d %H:%M:%S %z}"
    if _is_unsynchronized():
        fix = "turn on chrony or systemd-timesyncd: receipts carry this clock's time"
        return warning(topic, f"{text}; nothing keeps it right", fix)
    return ok(topic, text)


def _is_unsynchronized() -> bool:
    """Ask the kernel (Linux) whether a time service keeps the clock; False where unknown."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return state == _NOT_SYNCHRONIZED

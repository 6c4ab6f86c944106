"""A file system that passes all through to a folder, and fails when it is told to.

It is its own process: it is told one fault a line on standard input, as JSON, and answers each
with how often the one before struck. A sync that fails loses what was written since the last one,
as Linux does; later syncs succeed, as Linux lets them.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mfusepy


@dataclass
class Fault:
    """Strike the calls named, on files whose path has `name` in it, `after` so many were well.

    A name that ends in $ is the path's end.
    """

    calls: list[str] = field(default_factory=list)
    name: str = ""
    after: int = 0
    times: int = 1 << 30
    error: int = 0
    struck: int = 0

    def strikes(self, call: str, path: str) -> bool:
        there = self.name in path or (path + "$").endswith(self.name)
        if call not in self.calls or not there or self.struck >= self.times:
            return False
        self.after -= 1
        if self.after >= 0:
            return False
        self.struck += 1
        return True


class Faulty(mfusepy.Operations):
    """The operations; the kernel's cache is in front of them, as of any file system."""

    use_ns = True

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self._fault = Fault()
        self._busy = threading.RLock()
        self._unsynced: dict[int, list[tuple[int, bytes, int]]] = {}

    def listen(self) -> None:
        for line in sys.stdin:
            with self._busy:
                struck = self._fault.struck
                self._fault = Fault(**json.loads(line))
            print(struck, flush=True)  # noqa: T201 - the answer

    def _meet(self, call: str, path: str) -> None:
        with self._busy:
            if self._fault.strikes(call, path):
                raise mfusepy.FuseOSError(self._fault.error)

    def _at(self, path: str) -> Path:
        return Path(self._behind + path)

    def getattr(self, path, fh=None):
        found = os.lstat(self._at(path)) if fh is None else os.fstat(fh)
        names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks", "st_ino")
        times = {f"st_{one}time": getattr(found, f"st_{one}time_ns") for one in "amc"}
        return {name: getattr(found, name) for name in names} | times

    def readdir(self, path, fh):
        return [".", "..", *(one.name for one in self._at(path).iterdir())]

    def statfs(self, path):
        found = os.statvfs(self._at(path))
        names = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_frsize", "f_files", "f_ffree")
        return {name: getattr(found, name) for name in names}

    def create(self, path, mode, fi=None):
        self._meet("create", path)
        return os.open(self._at(path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path, flags):
        return os.open(self._at(path), os.O_RDWR)

    def release(self, path, fh):
        os.close(fh)
        return 0

    def read(self, path, size, offset, fh):
        self._meet("read", path)
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        self._meet("write", path)
        with self._busy:
            size = os.fstat(fh).st_size
            inode = os.fstat(fh).st_ino
            undo = (offset, os.pread(fh, len(data), offset), size)
            self._unsynced.setdefault(inode, []).append(undo)
            return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        self._meet("write", path)
        os.truncate(self._at(path), length)
        return 0

    def fsync(self, path, datasync, fh):
        inode = os.fstat(fh).st_ino
        with self._busy:
            try:
                self._meet("sync", path)
            except OSError:
                for offset, data, size in reversed(self._unsynced.pop(inode, [])):
                    os.pwrite(fh, data, offset)
                    os.ftruncate(fh, size)
                raise
            self._unsynced.pop(inode, None)
        return 0

    def fsyncdir(self, path, datasync, fh):
        self._meet("sync", path)
        return 0

    def mkdir(self, path, mode):
        self._at(path).mkdir(mode)
        return 0

    def unlink(self, path):
        self._at(path).unlink()
        return 0

    def rmdir(self, path):
        self._at(path).rmdir()
        return 0

    def rename(self, old, new):
        self._at(old).rename(self._at(new))
        return 0

    def utimens(self, path, times=None):
        os.utime(self._at(path), ns=times)
        return 0

    def chmod(self, path, mode):
        self._at(path).chmod(mode)
        return 0


def main() -> None:
    behind, place, *words = sys.argv[1:]
    faulty = Faulty(behind)
    threading.Thread(target=faulty.listen, daemon=True).start()
    options: dict[str, Any] = dict.fromkeys(words, True)
    mfusepy.FUSE(faulty, place, foreground=True, default_permissions=True, **options)


if __name__ == "__main__":
    main()

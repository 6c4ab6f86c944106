"""A disk of blocks that writes down what it is told: a FUSE file system with one file in it.

`python -m tests.powercut.recorder MOUNTPOINT IMAGE LOG`. A process of its own: the kernel waits for
it while the process that uses the disk waits for the kernel.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from mfusepy import FUSE, Operations

from tests.powercut.recording import NAME, Pen, Word


class Recorder(Operations):
    """Every write and every flush goes to the log first, then to the image."""

    use_ns = True

    def __init__(self, image: Path, pen: Pen) -> None:
        self._fd = os.open(image, os.O_RDWR)
        self._pen = pen

    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        size = os.fstat(self._fd).st_size
        return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": size}

    def readdir(self, path, fh):
        return [".", "..", NAME]

    def open(self, path, flags):
        return 0

    def read(self, path, size, offset, fh):
        return os.pread(self._fd, size, offset)

    def write(self, path, data, offset, fh):
        self._pen.note(Word.WRITE, at=offset, data=data)
        return os.pwrite(self._fd, data, offset)

    def fsync(self, path, datasync, fh):
        self._pen.note(Word.SYNC)
        return 0

    def flush(self, path, fh):
        return 0


def main(place: str, image: str, log: str) -> None:
    recorder = Recorder(Path(image), Pen(Path(log)))
    FUSE(recorder, place, foreground=True, nothreads=True, direct_io=True, fsname="powercut")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A file system that writes down what it is told, file by file and name by name.

ext4, XFS and btrfs keep the name of a new file when the file is synced, though nothing obliges
them to. What is rebuilt from this log keeps only what POSIX promises: bytes by a sync of the file,
a name by a sync of its folder. `python -m tests.powercut.strict MOUNTPOINT FOLDER LOG`.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from mfusepy import FUSE, FuseOSError, Operations

from tests.powercut.recording import Pen, Word

FACTS = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks")
TIMES = ("st_atime", "st_mtime", "st_ctime")
ROOM = ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_files", "f_ffree", "f_frsize", "f_namemax")


class Strict(Operations):
    """Passes everything on to a folder, and notes what would have to survive."""

    use_ns = True

    def __init__(self, root: Path, pen: Pen) -> None:
        self._root = str(root)
        self._pen = pen
        self._numbers = {root.stat().st_ino: 0}

    def getattr(self, path, fh=None):
        facts = os.lstat(self._real(path)) if fh is None else os.fstat(fh)
        told = {name: getattr(facts, name) for name in FACTS}
        return told | {name: getattr(facts, name + "_ns") for name in TIMES}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self._real(path))]

    def statfs(self, path):
        room = os.statvfs(self._real(path))
        return {name: getattr(room, name) for name in ROOM}

    def mkdir(self, path, mode):
        os.mkdir(self._real(path), mode)
        self._enter(Word.FOLDER, path)
        return 0

    def create(self, path, mode, fi=None):
        fd = os.open(self._real(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        self._enter(Word.FILE, path)
        return fd

    def open(self, path, flags):
        # The kernel has already made a plain O_RDWR of appending; only how to open is left.
        return os.open(self._real(path), os.O_RDWR)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        self._pen.note(Word.WRITE, self._number(os.fstat(fh)), at=offset, data=data)
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        facts = os.lstat(self._real(path)) if fh is None else os.fstat(fh)
        self._pen.note(Word.RESIZE, self._number(facts), at=length)
        os.truncate(self._real(path) if fh is None else fh, length)
        return 0

    def fallocate(self, path, mode, offset, size, fh):  # noqa: PLR0917 - libfuse calls it so
        if mode:
            raise FuseOSError(errno.EOPNOTSUPP)
        return self.truncate(path, max(os.fstat(fh).st_size, offset + size), fh)

    def fsync(self, path, datasync, fh):
        self._pen.note(Word.SYNC, self._number(os.fstat(fh)))
        return 0

    def fsyncdir(self, path, datasync, fh):
        self._pen.note(Word.SYNC_FOLDER, self._number(os.lstat(self._real(path))))
        return 0

    def unlink(self, path):
        self._leave(path)
        os.unlink(self._real(path))
        return 0

    def rmdir(self, path):
        self._leave(path)
        os.rmdir(self._real(path))
        return 0

    def rename(self, old, new):
        word = Word.FOLDER if os.path.isdir(self._real(old)) else Word.FILE
        os.rename(self._real(old), self._real(new))
        self._enter(word, new)
        self._leave(old)
        return 0

    def release(self, path, fh):
        os.close(fh)
        return 0

    def chmod(self, path, mode):
        os.chmod(self._real(path), mode)
        return 0

    def chown(self, path, uid, gid):
        return 0

    def utimens(self, path, times=None):
        return 0

    def _real(self, path: str) -> str:
        return self._root + path

    def _number(self, facts: os.stat_result) -> int:
        return self._numbers.get(facts.st_ino, facts.st_ino)

    def _enter(self, word: Word, path: str) -> None:
        number = self._number(os.lstat(self._real(path)))
        self._pen.note(word, self._parent(path), at=number, data=os.path.basename(path).encode())

    def _leave(self, path: str) -> None:
        self._pen.note(Word.LEAVE, self._parent(path), data=os.path.basename(path).encode())

    def _parent(self, path: str) -> int:
        return self._number(os.lstat(self._real(os.path.dirname(path))))


def main(place: str, folder: str, log: str) -> None:
    strict = Strict(Path(folder), Pen(Path(log)))
    FUSE(strict, place, foreground=True, nothreads=True, hard_remove=True, fsname="powercut")


if __name__ == "__main__":
    main(*sys.argv[1:])

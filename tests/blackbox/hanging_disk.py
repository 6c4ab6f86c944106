"""A disk that hangs: a FUSE file system that takes every question and never answers.

`python -m tests.blackbox.hanging_disk MOUNTPOINT`. Whoever asks it anything below its root waits in
the kernel, where no signal reaches it, until this process ends.
"""

from __future__ import annotations

import stat
import sys
import threading

from mfusepy import FUSE, Operations


class Hanging(Operations):
    """Knows its root, and nothing else."""

    use_ns = True

    def getattr(self, path, fh=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        threading.Event().wait()
        raise AssertionError

    def statfs(self, path):
        threading.Event().wait()
        raise AssertionError


if __name__ == "__main__":
    FUSE(Hanging(), sys.argv[1], foreground=True, fsname="hanging")

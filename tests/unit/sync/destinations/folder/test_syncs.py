"""What the folder mirror asks of the disk, and when: a copy it told of survives a power cut."""

import errno
import os

import pytest

from sync.destinations.folder.disk import blamed_on_folder, digest_file, sync_folder
from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel
from titip.errors import DestinationUnavailable

DATA = b"a supporter's statement"


class Disk:
    """Keeps what was synced by its inode, and whether the copy had its name then."""

    def __init__(self, root):
        self.root = root
        self.folder = root / "Pair%203"
        self.copy = self.folder / "u0123456789abcdef.pdf"
        self.synced = []

    def fsync(self, descriptor):
        self.synced.append((os.fstat(descriptor).st_ino, self.copy.exists()))

    @property
    def names(self):
        """Give what holds the copy's name, and its folders' names: each with the copy there."""
        return {(place.stat().st_ino, True) for place in (self.folder, self.root, self.root.parent)}


@pytest.fixture
def disk(tmp_path, monkeypatch):
    disk = Disk(tmp_path / "mirror")
    monkeypatch.setattr(os, "fsync", disk.fsync)
    return disk


async def deliver(disk):
    mirror = FolderMirror(FolderOptions(disk.root))
    await mirror.deliver(a_parcel(DATA), MemoryContent(DATA), RecordingProgress())


async def test_a_copys_bytes_are_synced_before_it_gets_its_name(disk):
    await deliver(disk)

    assert disk.synced[0] == (disk.copy.stat().st_ino, False)


async def test_the_names_of_a_copy_and_its_folders_are_synced_once_it_is_there(disk):
    await deliver(disk)

    assert set(disk.synced[1:]) == disk.names


async def test_the_names_of_a_copy_that_was_there_are_synced_again(disk):
    await deliver(disk)
    disk.synced.clear()

    await deliver(disk)

    assert set(disk.synced) == disk.names


async def test_a_copy_is_not_told_of_when_its_name_may_be_lost(disk, monkeypatch):
    def failing(descriptor):
        if os.fstat(descriptor).st_ino != disk.folder.stat().st_ino:
            return
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", failing)

    with pytest.raises(DestinationUnavailable, match="input/output error"):
        await deliver(disk)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_mount_that_cannot_sync_a_folder_is_taken_as_it_is(tmp_path, monkeypatch, number):
    def failing(_descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)

    sync_folder(tmp_path)


def test_a_folder_is_closed_after_its_sync(tmp_path, monkeypatch):
    opened, closed = [], []
    real_open, real_close = os.open, os.close

    def opening(*args):
        opened.append(real_open(*args))
        return opened[-1]

    def closing(descriptor):
        closed.append(descriptor)
        real_close(descriptor)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(os, "close", closing)

    sync_folder(tmp_path)

    assert closed == opened


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system cannot be told so")
def test_a_copy_is_read_back_from_the_disk_not_from_memory(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _descriptor, *args: asked.append(args))
    (tmp_path / "copy").write_bytes(DATA)

    digest_file(tmp_path / "copy", int)

    assert asked == [(0, 0, os.POSIX_FADV_DONTNEED)]


def test_an_error_without_a_sentence_is_told_by_its_kind():
    with (
        pytest.raises(DestinationUnavailable, match="the mirror's folder failed: OSError"),
        blamed_on_folder(),
    ):
        raise OSError

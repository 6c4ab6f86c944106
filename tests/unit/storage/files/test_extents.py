"""How much is copied at a time, and how much must be copied at all."""

import errno
import os

import pytest

from storage.files import extents
from storage.files.extents import AdaptiveChunk, append_from, block_of, shares_extents, unshared
from storage.files.spool import SpoolContent
from titip.errors import ContentDamaged, StorageBroken, StorageFull


@pytest.fixture
def two(tmp_path):
    """Give the content of a file, and another one that is open for writing."""
    (tmp_path / "one").write_bytes(os.urandom(700_000))
    source = os.open(tmp_path / "one", os.O_RDONLY)
    target = os.open(tmp_path / "other", os.O_RDWR | os.O_CREAT)
    yield SpoolContent(source, 700_000), target
    os.close(source)
    os.close(target)


def append(content, target, *, at=0, count=700_000):
    append_from(content, target, at=at, count=count, stride=AdaptiveChunk(), go_on=lambda: None)


def failing(number):
    def call(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL])
def test_where_the_kernel_cannot_copy_it_is_read_and_written(two, monkeypatch, number):
    content, target = two
    monkeypatch.setattr(os, "copy_file_range", failing(number))

    append(content, target, at=5)

    assert os.pread(target, 700_005, 0) == bytes(5) + content.read(0, 700_000)


def test_without_such_a_call_too(two, monkeypatch):
    content, target = two
    monkeypatch.delattr(os, "copy_file_range")
    monkeypatch.setattr("sys.platform", "darwin")

    append(content, target)

    assert os.pread(target, 700_000, 0) == content.read(0, 700_000)


def test_who_is_to_blame_for_a_failing_copy_is_found_out(two, monkeypatch):
    content, target = two
    monkeypatch.setattr(extents, "_shared", lambda *_args, **_kwargs: False)
    monkeypatch.setattr(os, "copy_file_range", failing(errno.EIO))

    with monkeypatch.context() as unreadable:
        unreadable.setattr(os, "pread", failing(errno.EIO))
        with pytest.raises(ContentDamaged, match="cannot read"):
            append(content, target)
    with monkeypatch.context() as unwritable:
        unwritable.setattr(os, "pwritev", failing(errno.EIO))
        with pytest.raises(StorageBroken):
            append(content, target)
    with monkeypatch.context() as full:
        full.setattr(os, "pwritev", failing(errno.ENOSPC))
        with pytest.raises(StorageFull):
            append(content, target)


def test_a_disk_that_is_full_is_told_when_sharing_finds_it(two, monkeypatch):
    content, target = two
    monkeypatch.setattr("fcntl.ioctl", failing(errno.ENOSPC))

    with pytest.raises(StorageFull):
        append(content, target)


def test_bytes_that_are_not_there_are_told(two, tmp_path):
    content, target = two
    os.truncate(tmp_path / "one", 100)

    with pytest.raises(ContentDamaged, match="fewer bytes"):
        append(content, target)
    with pytest.raises(ContentDamaged, match="fewer bytes"):
        append(SpoolContent(content.fd, 100), target)


def test_a_full_disk_is_no_reason_not_to_start(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", failing(errno.ENOSPC))

    assert shares_extents(tmp_path) is False


def test_a_stride_is_small_on_a_slow_disk_and_large_on_a_quick_one():
    stride, sizes = AdaptiveChunk(), []

    for seconds in (0.1,) * 5 + (0.001,) * 9 + (0.008,):
        stride.took(seconds)
        sizes.append(stride.size)

    assert sizes[4] == AdaptiveChunk.SMALLEST
    assert sizes[5] == AdaptiveChunk.SMALLEST * 2
    assert sizes[-1] == sizes[-2] == AdaptiveChunk.LARGEST


def test_what_begins_at_a_block_needs_no_room_where_bytes_are_shared(tmp_path):
    assert unshared([8192, 100, 50], block=4096) == 50
    assert unshared([100, 4096 - 100, 4096], block=4096) == 4096 - 100
    assert unshared([], block=4096) == 0
    assert block_of(tmp_path) >= 512

import errno
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sync.destinations.folder.disk import blamed_on_folder
from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel, tried_again
from titip.errors import AttemptFailed, DestinationUnavailable

DATA = b"a supporter's statement"
COPY = "Pair%203/u0123456789abcdef.pdf"


@pytest.fixture
def mirror(tmp_path):
    return FolderMirror(FolderOptions(tmp_path / "mirror"))


async def deliver(mirror, parcel=None, data=DATA):
    return await mirror.deliver(parcel or a_parcel(DATA), MemoryContent(data), RecordingProgress())


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def files(tmp_path):
    root = tmp_path / "mirror"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


async def test_a_copy_lies_under_its_submitter_by_the_uploads_id(mirror, tmp_path):
    arrival = await deliver(mirror)

    assert arrival.locator == COPY
    assert (tmp_path / "mirror" / COPY).read_bytes() == DATA
    assert files(tmp_path) == [COPY]


async def test_a_copy_is_read_by_its_owner_alone(mirror, tmp_path):
    await deliver(mirror)

    copy = tmp_path / "mirror" / COPY
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_wrong_copy_is_moved_aside_and_written_anew(mirror, tmp_path):
    await deliver(mirror)
    for damage in (b"rot", b"more rot"):
        (tmp_path / "mirror" / COPY).write_bytes(damage)

        await deliver(mirror)

    assert files(tmp_path) == [COPY, f"{COPY}.damaged-1", f"{COPY}.damaged-2"]
    assert (tmp_path / "mirror" / COPY).read_bytes() == DATA


@pytest.mark.parametrize("in_the_way", [COPY.partition("/")[0], COPY])
async def test_what_lies_in_the_way_of_one_copy_is_that_file_s_trouble(
    mirror, tmp_path, in_the_way
):
    where = tmp_path / "mirror" / in_the_way
    if in_the_way == COPY:
        where.mkdir(parents=True)
    else:
        where.parent.mkdir()
        where.write_bytes(b"a person's notes")

    with pytest.raises(AttemptFailed, match="move it away"):
        await deliver(mirror)
    assert where.exists()


async def test_a_good_copy_is_left_alone(mirror, tmp_path):
    await deliver(mirror)
    before = (tmp_path / "mirror" / COPY).stat()

    await deliver(mirror)

    after = (tmp_path / "mirror" / COPY).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


async def test_what_a_dead_attempt_left_is_cleared_and_a_living_ones_is_not(mirror, tmp_path):
    folder = (tmp_path / "mirror" / COPY).parent
    folder.mkdir(parents=True)
    for attempt in (1, 2, 9):
        (folder / f".u0123456789abcdef.pdf.{attempt}.part").write_bytes(b"half")
    parcel = a_parcel(DATA)

    await deliver(mirror, tried_again(parcel, RecordingProgress()))

    assert files(tmp_path) == ["Pair%203/.u0123456789abcdef.pdf.9.part", COPY]


async def test_bytes_that_are_not_the_sealed_ones_never_get_the_name(mirror, tmp_path):
    with pytest.raises(AttemptFailed, match="reads back differently"):
        await deliver(mirror, data=DATA.swapcase())

    assert files(tmp_path) == []


async def test_a_spool_that_gives_too_little_is_the_attempts_own_trouble(mirror, tmp_path):
    class Short(MemoryContent):
        size = len(DATA) + 1

    with pytest.raises(AttemptFailed, match="fewer bytes"):
        await mirror.deliver(a_parcel(DATA), Short(DATA), RecordingProgress())

    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some room"),
        (errno.EACCES, "write permission"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_disk_error_tells_what_to_do(number, advice):
    with pytest.raises(DestinationUnavailable, match=advice), blamed_on_folder():
        raise OSError(number, os.strerror(number))


async def test_a_probe_makes_nothing(mirror, tmp_path):
    assert await mirror.probe() is True
    assert not (tmp_path / "mirror").exists()


@pytest.mark.parametrize(("blocks", "well"), [(16, True), (15, False)])
async def test_a_probe_asks_for_some_room(mirror, monkeypatch, blocks, well):
    room = SimpleNamespace(f_bavail=blocks, f_frsize=1 << 20)
    monkeypatch.setattr(os, "statvfs", lambda _path: room)

    assert await mirror.probe() is well


async def test_a_disk_that_cannot_be_asked_is_not_well(mirror, monkeypatch):
    def failing(_path):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "statvfs", failing)

    assert await mirror.probe() is False


async def test_a_disk_that_does_not_keep_what_is_written_is_not_well(mirror, monkeypatch, tmp_path):
    (tmp_path / "mirror").mkdir()
    assert await mirror.probe() is True

    def failing(_file):
        raise OSError(errno.EIO, "input/output error")

    monkeypatch.setattr(os, "fsync", failing)

    assert await mirror.probe() is False
    assert list((tmp_path / "mirror").iterdir()) == []


async def test_a_disk_that_takes_no_byte_is_not_well(mirror, monkeypatch, tmp_path):
    (tmp_path / "mirror").mkdir()

    def full(_file, _data):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "write", full)

    assert await mirror.probe() is False


async def test_a_disk_without_nameless_files_is_asked_in_no_other_way(
    mirror, monkeypatch, tmp_path
):
    (tmp_path / "mirror").mkdir()
    numbers = [errno.EOPNOTSUPP, errno.EIO]

    def lacks(_path, _flags, _mode):
        raise OSError(numbers.pop(0), "it says no")

    monkeypatch.setattr("sync.destinations.folder.disk.os.open", lacks)

    assert [await mirror.probe(), await mirror.probe()] == [True, False]


async def test_a_folder_is_made_with_those_above_it(tmp_path):
    await deliver(FolderMirror(FolderOptions(tmp_path / "mirror" / "of" / "ours")))

    assert files(tmp_path) == [f"of/ours/{COPY}"]


async def test_a_folder_that_leads_nowhere_is_told(mirror, tmp_path):
    (tmp_path / "mirror").symlink_to(tmp_path / "nowhere")

    with pytest.raises(DestinationUnavailable, match="No such file or directory"):
        await deliver(mirror)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what is open in /proc")
async def test_nothing_stays_open_between_copies(mirror):
    await deliver(mirror)
    before = open_files()
    for _ in range(3):
        await deliver(mirror)
        await mirror.probe()

    assert open_files() == before


async def test_a_folder_that_may_not_be_written_is_not_well(mirror, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, how: how != os.W_OK | os.X_OK)

    assert await mirror.probe() is False


async def test_a_file_in_the_folders_place_makes_it_unavailable(mirror, tmp_path):
    (tmp_path / "mirror").write_text("in the way")

    assert await mirror.probe() is False
    with pytest.raises(DestinationUnavailable):
        await deliver(mirror)


async def test_a_full_disk_makes_it_unavailable_and_leaves_nothing(mirror, tmp_path):
    class FullDisk(RecordingProgress):
        def sent(self, count):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DestinationUnavailable, match="free some room"):
        await mirror.deliver(a_parcel(DATA), MemoryContent(DATA), FullDisk())

    assert files(tmp_path) == []


async def test_submitters_that_differ_only_in_odd_characters_do_not_meet(mirror, tmp_path):
    for submitter in ("a/b", "a%2Fb", "..", "."):
        parcel = a_parcel(DATA)
        upload = replace(parcel.upload, submitter=submitter)
        await deliver(mirror, replace(parcel, upload=upload))

    assert len(files(tmp_path)) == 4


GONE = "is its disk mounted"


def away(root):
    root.rename(root.with_name("unmounted"))


def empty(root):
    away(root)
    root.mkdir()


def entries(root):
    return sorted(path.name for path in root.iterdir()) if root.exists() else []


@pytest.mark.parametrize("goes", [away, empty])
async def test_nothing_is_made_where_the_folder_of_earlier_copies_was(mirror, tmp_path, goes):
    root, second = tmp_path / "mirror", a_parcel(DATA, upload="u2")
    await deliver(mirror)
    goes(root)
    left = root.exists()

    with pytest.raises(DestinationUnavailable, match=GONE) as trouble:
        await deliver(mirror, second)
    with pytest.raises(DestinationUnavailable, match=GONE):
        await mirror.probe()
    with pytest.raises(DestinationUnavailable, match=GONE):
        await anext(mirror.fetch(COPY))

    assert trouble.value.outage
    assert (root.exists(), entries(root)) == (left, [])
    if left:
        root.rmdir()
    (tmp_path / "unmounted").rename(root)
    assert await mirror.probe() is True
    await deliver(mirror, second)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("goes", [away, empty])
async def test_a_new_process_that_knows_of_copies_makes_nothing_either(tmp_path, goes):
    root = tmp_path / "mirror"
    await deliver(FolderMirror(FolderOptions(root)))
    goes(root)
    reborn = FolderMirror(FolderOptions(root, has_copies=True))

    with pytest.raises(DestinationUnavailable, match=GONE):
        await deliver(reborn)

    assert entries(root) == []


async def test_a_file_in_it_says_that_an_empty_folder_is_meant(mirror, tmp_path):
    await deliver(mirror)
    empty(tmp_path / "mirror")
    (tmp_path / "mirror" / "new").touch()

    assert await mirror.probe() is True
    await deliver(mirror)

    assert files(tmp_path) == [COPY, "new"]


async def test_an_empty_folder_that_never_held_a_copy_is_taken(mirror, tmp_path):
    (tmp_path / "mirror").mkdir()

    assert await mirror.probe() is True
    await deliver(mirror)

    assert files(tmp_path) == [COPY]

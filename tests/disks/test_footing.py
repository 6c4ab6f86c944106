"""A data folder that cannot be stood on: one sentence at the start, and never a new beginning."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import pytest

from storage.data_folder import UnfitFolder, check_data_folder, refuse_lost_journal
from storage.files.failure_note import forget_trouble, note_trouble, trouble_of
from tests.cli_world import Desk
from tests.disks.mounts import faulty_disk, memory_disk, run, why_no_fuse, why_not
from tests.disks.world import world

mounts = pytest.mark.skipif(bool(why_not()), reason=why_not())
fuse = pytest.mark.skipif(bool(why_no_fuse()), reason=why_no_fuse())


@contextmanager
def somebody_else():
    """Be an account without rights."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_folder_of_somebody_else_is_told(tmp_path):
    for place in (tmp_path, *tmp_path.parents[:2]):
        place.chmod(0o755)
    root = tmp_path / "data"
    check_data_folder(root)

    with somebody_else(), pytest.raises(UnfitFolder, match=r"chown"):
        check_data_folder(root)


@mounts
def test_a_read_only_disk_is_told(tmp_path):
    with memory_disk(tmp_path / "disk") as place:
        check_data_folder(place / "data")
        run("mount", "-o", "remount,ro", place)

        with pytest.raises(UnfitFolder, match="read-only file system: mount it for writing"):
            check_data_folder(place / "data")


@mounts
def test_a_full_disk_is_no_reason_not_to_start(tmp_path):
    with memory_disk(tmp_path / "disk", size=1 << 20) as place:
        check_data_folder(place / "data")
        (place / "filler").write_bytes(bytes(os.statvfs(place).f_bavail * 4096))

        check_data_folder(place / "data")


@fuse
def test_a_file_system_without_shared_memory_is_told(tmp_path):
    with (
        faulty_disk(tmp_path / "disk", tmp_path / "behind", "direct_io") as disk,
        pytest.raises(UnfitFolder, match=r"shared memory.*local disk"),
    ):
        check_data_folder(disk.place / "data")


@fuse
def test_a_disk_that_fails_at_once_is_told(tmp_path):
    with faulty_disk(tmp_path / "disk", tmp_path / "behind") as disk:
        disk.strike("write", "sync")

        with pytest.raises(UnfitFolder, match="kernel's log"):
            check_data_folder(disk.place / "data")


def test_a_spool_without_its_journal_is_refused(tmp_path):
    desk = Desk.at(tmp_path)
    upload = desk.hand_in(b"kept")
    for one in (tmp_path / "data").glob("journal.db*"):
        one.unlink()

    found = desk.run("token", "create", "--submitter", "p")

    assert found.exit_code == 1
    assert "journal.db is gone: restore it from the backup" in found.stderr
    assert (tmp_path / "data" / "spool" / upload[:2] / upload).read_bytes() == b"kept"
    assert not (tmp_path / "data" / "journal.db").exists()


def test_an_empty_spool_needs_no_journal(tmp_path):
    desk = Desk.at(tmp_path)
    desk.hand_in(b"kept")
    shutil.rmtree(tmp_path / "data" / "spool")
    (tmp_path / "data" / "spool" / "00").mkdir(parents=True)

    refuse_lost_journal(tmp_path / "data", tmp_path / "data" / "gone.db")


async def test_a_journal_without_its_spool_is_refused(tmp_path, monkeypatch):
    async with world(tmp_path / "data", monkeypatch) as titip:
        await titip.step(titip.paper(b"kept"))
        await titip.stop()
        shutil.rmtree(tmp_path / "data" / "spool")

        with pytest.raises(UnfitFolder, match="spool is gone: mount its disk"):
            await titip.start()

    assert not (tmp_path / "data" / "spool").exists()


@pytest.mark.parametrize("stranger", [True, False])
async def test_a_folder_that_goes_away_stops_intake_and_is_not_begun_anew(
    stranger, tmp_path, monkeypatch
):
    root, elsewhere = tmp_path / "data", tmp_path / "elsewhere"

    async with world(root, monkeypatch) as titip:
        begun = titip.paper(b"begun, and gone on with")
        await titip.step(begun, most=5)
        root.rename(elsewhere)
        if stranger:
            shutil.copytree(elsewhere, root)

        statuses = [await titip.step(titip.paper(b"new")), await titip.step(begun)]
        _, told = await titip.ready()
        offset = await titip.offset(begun)
        if stranger:
            root.rename(tmp_path / "stranger")
        made = root.exists()
        elsewhere.rename(root)

    assert (statuses, offset, made) == ([503, 503], 5, False)
    assert "is its disk mounted?" in told["advice"][0]


async def test_a_spool_file_that_is_gone_or_short_takes_nothing_more(tmp_path, monkeypatch):
    async with world(tmp_path / "data", monkeypatch) as titip:
        gone, short, other = (titip.paper(b"x" * 1000) for _ in range(3))
        for paper in (gone, short):
            await titip.step(paper, most=500)
        (path,) = (tmp_path / "data" / "spool").rglob(gone.address.rpartition("/")[2])
        path.unlink()
        (path,) = (tmp_path / "data" / "spool").rglob(short.address.rpartition("/")[2])
        os.truncate(path, 100)

        statuses = [await titip.step(paper) for paper in (gone, short, other)]

        assert statuses == [503, 503, 201]
        assert not list((tmp_path / "data" / "spool").rglob(gone.address.rpartition("/")[2]))


def test_a_note_outlives_its_process_and_is_told_by_status(tmp_path):
    desk = Desk.at(tmp_path)
    desk.hand_in(b"kept")
    note_trouble(tmp_path / "data", "gateway", "the disk refused (EIO): look at it")

    shown = desk.run("status")

    assert "The storage failed, nothing is taken in until a restart" in shown.stdout
    assert "(EIO): look at it" in shown.stdout
    forget_trouble(tmp_path / "data", "gateway")
    assert trouble_of(tmp_path / "data", "gateway") == ""

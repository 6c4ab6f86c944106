"""What a start asks of the data folder: it is made for good, tried, and never begun anew."""

import os
import shutil
import stat

import pytest

from storage.data_folder import UnfitFolder, check_data_folder, refuse_lost_spool
from tests.backup_fixtures import begun
from tests.storage_fixtures import opened_house

KEPT = {
    "a sealed file": (lambda house: house.hand_in(b"kept"), True),
    "a part of a file": (lambda house: begun(house, b"ke", length=4), True),
    "a file of which nothing came": (lambda house: begun(house, b"", length=4), False),
    "an empty file": (lambda house: house.hand_in(b""), False),
}


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_a_folder_is_made_tried_and_left_as_it_was(tmp_path, missing):
    root = tmp_path.joinpath(*"abc"[:missing], "data")

    check_data_folder(root)
    check_data_folder(root)

    assert root.stat().st_mode & 0o777 == 0o700
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_no_power_cut_takes_the_name_of_a_folder_that_it_lies_in(tmp_path, monkeypatch, missing):
    root = tmp_path.joinpath(*"abc"[:missing], "data")
    synced: set[tuple[int, str]] = set()

    def fsync(fd):
        told = os.fstat(fd)
        if stat.S_ISDIR(told.st_mode):
            with os.scandir(fd) as entries:
                synced.update((told.st_ino, entry.name) for entry in entries)

    monkeypatch.setattr(os, "fsync", fsync)
    check_data_folder(root)

    made = [root, *root.parents][: missing + 1]
    assert {(one.parent.stat().st_ino, one.name) for one in made} <= synced


@pytest.mark.parametrize("path", ["file", "file/data"])
def test_a_file_in_its_place_is_told(tmp_path, path):
    (tmp_path / "file").write_text("x")

    with pytest.raises(UnfitFolder, match=r"file: name a folder in storage\.path"):
        check_data_folder(tmp_path / path)


@pytest.mark.parametrize("of", KEPT)
async def test_a_journal_that_tells_of_bytes_is_refused_without_its_spool(tmp_path, of):
    keep, refused = KEPT[of]
    with opened_house(tmp_path) as house:
        await keep(house)
        shutil.rmtree(tmp_path / "spool")

        if refused:
            with pytest.raises(UnfitFolder, match="spool is gone: mount its disk"):
                await refuse_lost_spool(tmp_path, house.journal)
        else:
            await refuse_lost_spool(tmp_path, house.journal)

"""Where copies lie in Drive, when a person changed something about it."""

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from sync.destinations.checkpoints import DriveCheckpoint
from tests.destination_fakes import (
    Crash,
    MemoryContent,
    RecordingProgress,
    a_parcel,
    tried_again,
)
from tests.drive_places import a_drive, a_mirror
from titip.errors import DestinationUnavailable

DATA = b"a supporter's statement" * 100_000


@asynccontextmanager
async def a_drive_with_folders(*names):
    """Serve a Drive with folders that a person made, and give their ids."""
    async with a_drive() as (far, options), a_mirror(options) as maker:
        calls = maker._desk.calls  # noqa: SLF001  (a human's hand in Drive)
        made = []
        for name in names:
            reserved = await calls.reserve_id()
            await calls.make_folder({"id": reserved, "name": name})
            made.append(reserved)
        yield far, options, calls, made


async def deliver(near, upload="u1", progress=None, parcel=None):
    return await near.deliver(
        parcel or a_parcel(DATA, upload=upload),
        MemoryContent(DATA),
        progress or RecordingProgress(),
    )


def roots_of_copies(far):
    """The folder for everything in which each copy lies."""
    items = {entry["id"]: entry for entry in far.entries()}
    return [items[entry["parents"][0]]["parents"][0] for entry in items.values() if entry["path"]]


async def test_a_configured_folder_in_the_trash_is_told_and_gets_no_copies():
    async with a_drive_with_folders("ours") as (far, options, calls, (root,)):
        await calls.trash(root)
        async with a_mirror(replace(options, folder=root)) as near:
            with pytest.raises(DestinationUnavailable, match="restore it from the trash"):
                await near.probe()
            for upload in ("u1", "u2"):
                with pytest.raises(DestinationUnavailable, match="restore it from the trash"):
                    await deliver(near, upload)

        assert not roots_of_copies(far)


async def test_one_that_is_put_into_the_trash_meanwhile_is_told_after_one_copy():
    async with a_drive_with_folders("ours") as (far, options, calls, (root,)):
        async with a_mirror(replace(options, folder=root)) as near:
            await deliver(near)
            await calls.trash(root)
            for upload in ("u2", "u3", "u4"):
                with pytest.raises(DestinationUnavailable, match="restore it from the trash"):
                    await deliver(near, upload)
            with pytest.raises(DestinationUnavailable, match="restore it from the trash"):
                await near.probe()

        assert len(roots_of_copies(far)) == 2


async def test_a_changed_folder_is_obeyed_though_an_open_session_lies_in_the_old_one():
    async with a_drive_with_folders("old", "new") as (far, options, _, (old, new)):
        begun, progress = a_parcel(DATA, upload="u1"), RecordingProgress(crash_after=2)
        async with a_mirror(replace(options, folder=old)) as near:
            with pytest.raises(Crash):
                await deliver(near, parcel=begun, progress=progress)
        async with a_mirror(replace(options, folder=new)) as near:
            resumed = RecordingProgress(checkpoint=progress.last)
            await deliver(near, parcel=tried_again(begun, progress), progress=resumed)
            await deliver(near, "u2")
            await deliver(near, "u3")

        assert sorted(roots_of_copies(far)) == sorted([old, new, new])


@pytest.mark.parametrize("configured", [False, True])
async def test_a_folder_that_a_list_does_not_show_yet_is_used_again(configured):
    async with a_drive_with_folders("ours") as (far, options, _, (root,)):
        there = replace(options, folder=root if configured else "")
        begun, progress = a_parcel(DATA, upload="u1"), RecordingProgress(crash_after=2)
        async with a_mirror(there) as near:
            with pytest.raises(Crash):
                await deliver(near, parcel=begun, progress=progress)
        known = DriveCheckpoint.parse(progress.last)
        far.set_fault("list_lag", seconds=3600.0)
        async with a_mirror(there) as near:
            lost = RecordingProgress(
                checkpoint=DriveCheckpoint(folder=known.folder, id=known.id).text
            )
            await deliver(near, parcel=tried_again(begun, lost), progress=lost)

        assert {entry["parents"][0] for entry in far.entries() if entry["path"]} == {known.folder}

"""What lies in a sealed file's place and is not it is damage to every reader, and holds up none."""

import asyncio
import os
import socket
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from storage.files.integrity import damage_of
from storage.files.spool import open_bytes
from storage.recovery import recover
from sync.destinations.copy_check import WithCopyCheck
from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from sync.destinations.timeout import WithTimeout
from tests import rot
from tests.backup_fixtures import backed_up, is_sound, restored
from tests.gateway_fixtures import gateway
from tests.storage_fixtures import opened_house
from tests.unit.sync.worker.test_worker import opened_line
from titip.errors import ContentDamaged

DATA = b"a supporter's statement"
OWNER = "lo-pair"
OPEN_FILES = Path("/proc/self/fd")


def fifo(path):
    path.unlink()
    os.mkfifo(path)


def folder(path):
    path.unlink()
    path.mkdir()


def link(path):
    """Lead to a file elsewhere, of the right size and even with the right bytes."""
    elsewhere = path.parents[2] / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def dangling(path):
    path.unlink()
    path.symlink_to("nowhere")


def a_socket(path):
    path.unlink()
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)  # a socket's whole path may have a hundred bytes only


ODD = [fifo, folder, link, dangling, rot.cut, rot.grow, a_socket]
READERS: dict[str, Any] = {}


def reader(read):
    READERS[read.__name__] = read
    return read


@reader
async def delivery(root, spoil):
    mirror = FolderMirror(FolderOptions(root / "copies"))
    async with opened_line(root, WithTimeout(WithCopyCheck(mirror))) as line:
        upload = await line.house.hand_in(DATA)
        line.house.clock.forward(minutes=2)
        spoil(line.house.spool.path(upload.id))

        await line.turn()

        assert await line.states() == {"parked": 1}
        assert (await line.house.store.find(upload.id)).damaged
        assert not (root / "copies").exists()


@reader
async def scrub(root, spoil):
    with opened_house(root) as house:
        upload = await house.hand_in(DATA)
        spoil(house.spool.path(upload.id))

        assert damage_of(house.spool, upload)


@reader
async def backup(root, spoil):
    bak = root.parent / "bak"
    with opened_house(root) as house:
        lost, kept = await house.hand_in(DATA), await house.hand_in(b"kept")
        spoil(house.spool.path(lost.id))

        report = await asyncio.to_thread(backed_up, root, bak)

    assert report.work.missing == [lost.id]
    assert [path.name for path in (bak / "spool").glob("*/*")] == [kept.id]


@reader
async def restoring(root, spoil):
    bak, new = root.parent / "bak", root.parent / "new"
    with opened_house(root) as house:
        lost, kept = await house.hand_in(DATA), await house.hand_in(b"kept")
        await asyncio.to_thread(backed_up, root, bak)
    spoil(bak / "spool" / lost.id[:2] / lost.id)

    report = await asyncio.to_thread(restored, bak, new)

    assert report.missing == [lost.id]
    assert [path.name for path in (new / "spool").glob("*/*")] == [kept.id]


@reader
async def fetching(root, spoil):
    with opened_house(root) as house:
        upload = await house.hand_in(DATA, submitter=OWNER)
        spoil(house.spool.path(upload.id))
        async with (
            gateway(root, house=house) as gate,
            gate.ask("GET", f"/files/{upload.id}") as answer,
        ):
            assert answer.status == 409
            assert (await answer.json())["type"].endswith("bytes-damaged")


@pytest.mark.parametrize("spoil", ODD)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
async def test_what_is_no_file_of_the_sealed_size_is_damage(tmp_path, read, spoil):
    root = tmp_path / "data"
    root.mkdir()

    async with asyncio.timeout(20):
        await read(root, spoil)


async def test_a_backup_brings_anew_what_is_no_file_in_it(tmp_path):
    root, bak = tmp_path / "data", tmp_path / "bak"
    root.mkdir()
    with opened_house(root) as house:
        upload = await house.hand_in(DATA)
        await asyncio.to_thread(backed_up, root, bak)
        copy = bak / "spool" / upload.id[:2] / upload.id
        link(copy)

        report = await asyncio.to_thread(backed_up, root, bak)

    assert is_sound(report.work)
    assert not copy.is_symlink()
    assert copy.read_bytes() == DATA


async def test_a_start_cuts_nothing_that_a_link_leads_to(tmp_path):
    with opened_house(tmp_path) as house:
        upload = await house.hand_in(DATA)
        link(house.spool.path(upload.id))
        rot.grow(tmp_path / "elsewhere")

        found = await recover(house.spool, house.journal)

    assert (found.truncated, found.short) == ([], [upload.id])
    assert len((tmp_path / "elsewhere").read_bytes()) == len(DATA) + 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists what is open in /proc")
@pytest.mark.parametrize("spoil", ODD)
def test_what_is_refused_is_not_left_open(tmp_path, spoil):
    path = tmp_path / "spool" / "00" / "file"
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    spoil(path)
    before = len(list(OPEN_FILES.iterdir()))

    for _ in range(3):
        with pytest.raises((ContentDamaged, FileNotFoundError)):
            open_bytes(path, size=len(DATA))

    assert len(list(OPEN_FILES.iterdir())) == before

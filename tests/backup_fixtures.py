"""A house to be backed up, and what a backup of it promises."""

import asyncio
import itertools
import json

from storage.backup.backup import back_up
from storage.backup.restore import restore
from tests.destination_fakes import Crash
from tests.storage_fixtures import opened_house, sha256
from titip.ports.operations import Query
from titip.upload import UploadState

EVERYTHING = Query(limit=1000)


def quiet(*_):
    """Hear of no progress."""


def backed_up(root, into, *, verify=False):
    return back_up(root, into, verify=verify, tell=quiet)


def restored(backup, root, *, fast=False):
    return restore(backup, root, fast=fast, tell=quiet)


def is_sound(report):
    """Tell whether every byte that the journal promises is there and right."""
    return not (report.damaged or report.missing)


def manifest_of(folder):
    return json.loads((folder / "backup.json").read_text())


async def begun(house, data, *, length):
    """Begin an upload and commit some of it."""
    upload = house.new(length)
    deposit = await house.store.create(upload)
    after = await deposit.commit([data])
    await deposit.close()
    return after


async def contents(root):
    """Give what a data folder holds: by upload, its committed bytes as they lie there."""
    with opened_house(root) as house:
        found = {}
        for one in await house.records.uploads(EVERYTHING):
            path = house.spool.path(one.id)
            if one.state is UploadState.SEALED and one.freed_at is None:
                assert sha256(path.read_bytes()) == one.sha256
            if path.exists():
                found[one.id] = path.read_bytes()[: one.offset]
        return found


async def restored_contents(backup, root):
    """Restore a backup and give what it holds; raises where it is not sound."""
    report = await asyncio.to_thread(restored, backup, root)
    assert is_sound(report)
    return await contents(root)


def crashing(work, *, at, after):
    """Let the call of that number crash, before its work or after it."""
    numbers = itertools.count(1)

    def doing(*args, **kwargs):
        number = next(numbers)
        if number == at and not after:
            raise Crash
        result = work(*args, **kwargs)
        if number == at:
            raise Crash
        return result

    return doing

"""A backup is one consistent moment, brings only what is new, and is complete or not there."""

import asyncio
from pydoc import locate

import apsw
import pytest

from storage.backup import backup
from storage.backup.manifest import UnfitBackup, write_manifest
from storage.files.durable import sync_folder
from storage.files.process_lock import AlreadyRunning, tenure
from storage.journal import snapshot
from storage.journal.holds import all_holds, put_hold
from storage.journal.migrate import SCHEMAS, UnfitJournal
from storage.journal.snapshot import UnsoundJournal, copy_journal
from tests.backup_fixtures import (
    EVERYTHING,
    backed_up,
    begun,
    contents,
    crashing,
    is_sound,
    manifest_of,
    restored,
    restored_contents,
)
from tests.destination_fakes import Crash
from tests.storage_fixtures import opened_house
from titip.access import Role
from titip.upload import UploadState


@pytest.fixture
def root(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def bak(tmp_path):
    return tmp_path / "bak"


@pytest.fixture
def house(root):
    with opened_house(root) as house:
        yield house


async def test_a_backup_holds_what_was_committed_and_not_a_byte_more(house, root, bak, tmp_path):
    sealed = await house.hand_in(b"papers")
    await house.hand_in(b"")
    half = await begun(house, b"01234", length=10)
    with house.spool.path(half.id).open("ab") as file:
        file.write(b"not committed")

    report = backed_up(root, bak)

    assert is_sound(report.work)
    assert manifest_of(bak) == {
        "made_at": report.manifest.made_at,
        "schema": len(SCHEMAS),
        "uploads": 3,
        "sealed": 2,
        "files": 3,
        "bytes": 11,
        "gone": 0,
        "format": 1,
    }
    assert (bak / "spool" / half.id[:2] / half.id).read_bytes() == b"01234"
    there = await restored_contents(bak, tmp_path / "new")
    assert there[sealed.id] == b"papers"
    assert there[half.id] == b"01234"
    assert len(there) == 3


async def test_the_second_backup_brings_only_what_is_new(house, root, bak):
    for number in range(5):
        await house.hand_in(bytes([number]))
    half = await begun(house, b"01234", length=10)
    first = backed_up(root, bak)

    new = await house.hand_in(b"new")
    deposit = await house.store.resume(half)
    await deposit.commit([b"56789"])
    await deposit.close()
    second = backed_up(root, bak)
    third = backed_up(root, bak, verify=True)

    assert (sum(first.work.ways.values()), first.work.kept) == (6, 0)
    assert (sum(second.work.ways.values()), second.work.kept) == (2, 5)
    assert second.work.bytes == 13
    assert (sum(third.work.ways.values()), third.work.kept) == (0, 7)
    assert (bak / "spool" / new.id[:2] / new.id).read_bytes() == b"new"


async def test_a_backup_is_complete_only_once_the_name_of_each_new_file_is_synced(
    house, root, bak, monkeypatch
):
    await house.hand_in(b"old")
    backed_up(root, bak)
    new = [await house.hand_in(bytes([number])) for number in range(5)]
    steps: list[str] = []

    def synced(path):
        steps.extend(one.name for one in path.iterdir())
        sync_folder(path)

    def told(*args):
        steps.append("complete")
        write_manifest(*args)

    monkeypatch.setattr(backup, "sync_folder", synced)
    monkeypatch.setattr(backup, "write_manifest", told)
    backed_up(root, bak)

    assert {upload.id for upload in new} <= set(steps[: steps.index("complete")])


async def test_writers_go_on_meanwhile_and_the_journals_copy_ends(house, root, tmp_path):
    for number in range(300):
        await house.hand_in(bytes([number % 256]) * 10)
    steps = []
    loop = asyncio.get_running_loop()

    def write_between(done, total):
        steps.append((done, total))
        asyncio.run_coroutine_threadsafe(house.hand_in(b"meanwhile"), loop).result()

    small = pytest.MonkeyPatch()
    with small.context() as patch:
        patch.setattr(snapshot, "STEP", 8)
        await asyncio.to_thread(
            copy_journal, root / "journal.db", tmp_path / "copy.db", tell=write_between
        )

    copied = apsw.Connection(str(tmp_path / "copy.db"))
    assert len(steps) > 5
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert next(iter(copied.execute("SELECT count(*) FROM uploads")))[0] == 300
    copied.close()


@pytest.mark.parametrize(
    ("place", "at", "after"),
    [
        ("storage.journal.snapshot.refuse_unsound", 1, False),
        ("storage.backup.backup.copy_journal", 1, True),
        ("storage.backup.cut.bring", 1, True),
        ("storage.backup.cut.bring", 2, False),
        ("storage.backup.backup.amend", 1, True),
        ("storage.backup.backup.sync_folder", 2, False),
        ("storage.backup.backup.write_manifest", 1, False),
        ("storage.backup.backup.write_manifest", 1, True),
        ("storage.backup.backup._Backup._prune", 1, True),
    ],
)
async def test_a_backup_that_is_cut_leaves_a_good_one(
    *, house, root, bak, tmp_path, monkeypatch, place, at, after
):
    half = await begun(house, b"01234", length=10)
    away = await begun(house, b"abc", length=10)
    await house.hand_in(b"old")
    backed_up(root, bak)
    old = await contents(root)
    await house.hand_in(b"new")
    await house.store.terminate(away)
    deposit = await house.store.resume(half)
    await deposit.commit([b"567"])
    await deposit.close()
    new = await contents(root)

    with monkeypatch.context() as patch:
        patch.setattr(place, crashing(locate(place), at=at, after=after))
        with pytest.raises(Crash):
            backed_up(root, bak)

    assert await restored_contents(bak, tmp_path / "new") in (old, new)
    again = backed_up(root, bak, verify=True)
    assert is_sound(again.work)
    assert await restored_contents(bak, tmp_path / "newer") == new
    assert not [path for path in bak.rglob("*") if path.name.endswith(".part")]


async def test_the_very_first_backup_is_none_until_it_is_complete(house, root, bak, monkeypatch):
    await house.hand_in(b"papers")
    with monkeypatch.context() as patch:
        patch.setattr(backup, "write_manifest", crashing(lambda *_: None, at=1, after=False))
        with pytest.raises(Crash):
            backed_up(root, bak)

    with pytest.raises(UnfitBackup, match="no complete backup"):
        restored(bak, root.parent / "new")
    assert is_sound(backed_up(root, bak).work)


@pytest.mark.parametrize("how", ["terminated", "freed"])
async def test_what_ends_while_it_is_backed_up_is_noted_and_owes_nothing(
    *, house, root, bak, tmp_path, monkeypatch, how
):
    half = await begun(house, b"01234", length=10)
    loop = asyncio.get_running_loop()

    async def end():
        if how == "terminated":
            await house.store.terminate(half)
            return
        deposit = await house.store.resume(half)
        await deposit.commit([b"56789"])
        await deposit.close()
        await house.journal.write(
            lambda db: db.execute(
                "UPDATE deliveries SET state = 'delivered', ended_at = due_at"
            ).fetchall()
        )
        await house.journal.write(
            lambda db: db.execute("UPDATE uploads SET freed_at = ended_at").fetchall()
        )
        house.spool.remove(half.id)

    def copied(*args, **kwargs):
        copy_journal(*args, **kwargs)
        asyncio.run_coroutine_threadsafe(end(), loop).result()

    monkeypatch.setattr(backup, "copy_journal", copied)

    report = await asyncio.to_thread(backed_up, root, bak)

    assert is_sound(report.work)
    assert report.manifest.gone == 1
    new = tmp_path / "new"
    assert await restored_contents(bak, new) == {}
    with opened_house(new) as there:
        (upload,) = await there.records.uploads(EVERYTHING)
        totals = await there.records.totals()
    assert upload == await house.store.find(half.id)
    assert upload.state is (UploadState.TERMINATED if how == "terminated" else UploadState.SEALED)
    assert not any(one.oldest_owed for one in totals.destinations)


async def test_bytes_that_are_missing_are_told_and_the_rest_is_kept(house, root, bak):
    lost, kept = await house.hand_in(b"lost"), await house.hand_in(b"kept")
    house.spool.path(lost.id).unlink()

    report = backed_up(root, bak)

    assert report.work.missing == [lost.id]
    assert (bak / "spool" / kept.id[:2] / kept.id).read_bytes() == b"kept"


async def test_verify_brings_a_spoilt_copy_anew_and_tells_of_a_spoilt_source(house, root, bak):
    one, other = await house.hand_in(b"good papers"), await house.hand_in(b"bad papers")
    backed_up(root, bak)
    for upload in (one, other):
        copy = bak / "spool" / upload.id[:2] / upload.id
        copy.unlink()
        copy.write_bytes(bytes(upload.length))
    house.spool.path(other.id).write_bytes(bytes(other.length))

    plain = backed_up(root, bak)
    report = backed_up(root, bak, verify=True)

    assert plain.work.kept == 2
    assert report.work.damaged == [other.id]
    assert (bak / "spool" / one.id[:2] / one.id).read_bytes() == b"good papers"


async def test_what_was_repaired_since_is_brought_anew_if_the_copy_was_spoilt_too(house, root, bak):
    upload = await house.hand_in(b"papers")
    backed_up(root, bak)
    copy = bak / "spool" / upload.id[:2] / upload.id
    copy.unlink()
    copy.write_bytes(bytes(upload.length))
    await house.journal.write(lambda db: db.execute("UPDATE uploads SET repairs = 1").fetchall())

    report = backed_up(root, bak)

    assert sum(report.work.ways.values()) == 1
    assert copy.read_bytes() == b"papers"


async def test_tokens_and_holds_come_along(house, root, bak, tmp_path):
    await house.journal.write(
        lambda db: put_hold(db, "pair-1", reason="a dispute", now=house.clock())
    )
    await house.journal.write(
        lambda db: db.execute(
            "INSERT INTO tokens VALUES (1, 'aa', ?, 'pair-1', 'dd', 0, NULL)", (Role.LO.value,)
        ).fetchall()
    )
    backed_up(root, bak)

    await asyncio.to_thread(restored, bak, tmp_path / "new")

    with opened_house(tmp_path / "new") as there:
        assert [one.reason for one in await there.journal.read(all_holds)] == ["a dispute"]
        assert await there.journal.read(
            lambda db: db.execute("SELECT id FROM tokens").fetchall()
        ) == [("aa",)]


async def test_a_backup_forgets_what_was_ended(house, root, bak):
    half = await begun(house, b"01234", length=10)
    backed_up(root, bak)
    await house.store.terminate(half)

    report = backed_up(root, bak)

    assert report.removed == 1
    assert not (bak / "spool" / half.id[:2] / half.id).exists()


async def test_a_folder_that_is_no_backup_is_never_written_to(house, root, tmp_path):
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.txt").write_text("do not lose")
    other = tmp_path / "other"
    other.mkdir()
    with tenure(other, "gateway"), tenure(other, "backup"):
        pass

    for folder in (strange, other):
        with pytest.raises(UnfitBackup, match="something else than a backup"):
            backed_up(root, folder)
    for folder in (root, root / "bak", root.parent):
        with pytest.raises(UnfitBackup, match="not apart from the data folder"):
            backed_up(root, folder)
    with pytest.raises(UnfitBackup, match="no journal"):
        backed_up(tmp_path / "nowhere", tmp_path / "bak")


async def test_two_backups_into_one_folder_do_not_meet(house, root, bak):
    bak.mkdir()
    with tenure(bak, "backup"), pytest.raises(AlreadyRunning):
        backed_up(root, bak)


async def test_a_journal_of_another_schema_is_backed_up_by_its_own_titip(house, root, bak):
    await house.journal.write(lambda db: db.pragma("user_version", 9))

    with pytest.raises(UnfitBackup, match=f"schema 9, this Titip knows {len(SCHEMAS)}"):
        backed_up(root, bak)


async def test_a_sqlite_that_loses_commits_makes_no_backup(house, root, bak, monkeypatch):
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")

    with pytest.raises(UnfitJournal, match="lose commits"):
        backed_up(root, bak)

    assert not bak.exists()


async def test_a_damaged_journal_gives_no_backup(root, bak):
    with opened_house(root) as house:
        for number in range(200):
            await house.hand_in(bytes([number]))
    with (root / "journal.db").open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 8 * 4096)

    with pytest.raises(UnsoundJournal):
        backed_up(root, bak)
    assert not (bak / "backup.json").exists()

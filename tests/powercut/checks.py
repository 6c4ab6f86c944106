"""What must be there after a cut: opens the data folder as a start does, and compares."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import apsw

from config.wiring.storage import open_journal, open_spool
from storage.journal.migrate import UnfitJournal
from storage.journal.uploads import with_prefix
from storage.recovery import recover
from tests.powercut.promises import Account, content, digest
from tests.powercut.workload import settings_for
from titip.access import opens, split
from titip.delivery import DESTINATIONS
from titip.errors import TitipError
from titip.upload import UploadState

if TYPE_CHECKING:
    from pathlib import Path

    from config.wiring.storage import JournalServices, SpoolServices
    from tests.powercut.promises import Owed
    from titip.upload import Upload

PICKED_UP = 2
"""Unfinished uploads that are gone on with after each cut."""


async def losses_of(top: Path, owed: Owed, *, twice: bool) -> list[str]:
    """Start on what the cut left, and name everything that was promised and is not there."""
    settings = settings_for(top)
    try:
        with open_journal(settings) as books, open_spool(settings, books) as vault:
            findings = await recover(vault.spool, books.journal)
            short = [f"upload {one} has fewer bytes than its row says" for one in findings.short]
            if twice and not short:
                again = await recover(vault.spool, books.journal)
                short += [] if again.quiet else [f"a second start found more to mend: {again}"]
            rows = await _rows(books)
            return [
                *short,
                *await _unsound(books, rows),
                *await _of_files(books, vault, rows, owed),
                *await _of_tokens(books, owed),
                *([] if short else await _not_gone_on_with(vault, rows)),
            ]
    except (TitipError, UnfitJournal, apsw.Error, OSError) as error:
        return [f"it does not start: {type(error).__name__}: {error}"]


async def _rows(books: JournalServices) -> dict[str, Upload]:
    """Give all uploads by the name of their file."""
    rows = await books.journal.read(lambda db: with_prefix(db, ""))
    return {base64.b64decode(row.metadata.split()[1]).decode(): row for row in rows}


async def _unsound(books: JournalServices, rows: dict[str, Upload]) -> list[str]:
    said = await books.journal.read(lambda db: db.pragma("quick_check"))
    lost = [] if said == "ok" else [f"the journal is damaged: {said}"]
    for name, row in rows.items():
        if row.state is not UploadState.SEALED:
            continue
        if row.sha256 != digest(name):
            lost.append(f"{name} is sealed with another digest")
        owed = {one.destination for one in await books.records.of_upload(row.id)}
        if owed != set(DESTINATIONS):
            lost.append(f"{name} is sealed, and owed to {sorted(owed)} only")
    return lost


async def _of_files(
    books: JournalServices, vault: SpoolServices, rows: dict[str, Upload], owed: Owed
) -> list[str]:
    lost = [
        f"{name} was acknowledged ({account}) and has no row"
        for name, account in owed.files.items()
        if name not in rows
    ]
    for name, row in rows.items():
        account = owed.files.get(name, Account())
        lost += [f"{name}: {one}" for one in _broken(row, account)]
        lost += [f"{name}: {one}" for one in _wrong_bytes(vault, name, row)]
    return lost


def _broken(row: Upload, account: Account) -> list[str]:
    lost = []
    if account.upload and account.upload != row.id:
        lost.append("it is another upload than the one acknowledged")
    if row.offset < account.offset:
        lost.append(f"offset {account.offset} was acknowledged, the row says {row.offset}")
    if account.sealed and row.state is not UploadState.SEALED:
        lost.append(f"its seal was acknowledged, and it is {row.state}")
    gone = row.state in {UploadState.TERMINATED, UploadState.EXPIRED}
    if gone and not account.leaving:
        lost.append(f"nobody asked for its end, and it is {row.state}")
    if account.ended and not gone:
        lost.append(f"its end was acknowledged, and it is {row.state}")
    return lost


def _wrong_bytes(vault: SpoolServices, name: str, row: Upload) -> list[str]:
    path = vault.spool.path(row.id)
    if row.state in {UploadState.TERMINATED, UploadState.EXPIRED}:
        return ["it was ended, and its bytes are still there"] if path.exists() else []
    held = path.read_bytes() if path.exists() else None
    if held is None:
        return ["its file is missing"] if row.offset or row.complete else []
    if hashlib.sha256(held).digest() != hashlib.sha256(content(name)[: row.offset]).digest():
        return [f"its {len(held)} bytes are not the {row.offset} that were sent"]
    return []


async def _of_tokens(books: JournalServices, owed: Owed) -> list[str]:
    lost = []
    for token_id, (text, live) in owed.tokens.items():
        token = await books.tokens.token(token_id)
        named = split(text)
        assert named is not None
        if token is None:
            lost.append(f"token {token_id} was shown, and is unknown")
        elif live is not None and opens(token, named[1]) is not live:
            lost.append(f"token {token_id} opens: {not live}, where {live} was promised")
    return lost


async def _not_gone_on_with(vault: SpoolServices, rows: dict[str, Upload]) -> list[str]:
    lost = []
    unfinished = [(name, row) for name, row in rows.items() if row.state is UploadState.OPEN]
    joined = [name for name, row in unfinished if row.is_final]
    lost += [
        f"{name} was to be joined, and came to another digest"
        for name in joined
        if (await vault.joiner.finish(rows[name].id)).sha256 != digest(name)
    ]
    begun = [(name, row) for name, row in unfinished if not row.concat]
    for name, row in begun[-PICKED_UP:]:
        deposit = await vault.store.resume(row)
        sealed = await deposit.commit([content(name)[row.offset :]])
        await deposit.close()
        if sealed.sha256 != digest(name):
            lost.append(f"{name} was gone on with, and came to another digest")
    return lost

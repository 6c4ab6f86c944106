"""Keep files, folders and reserved ids in a folder, so that a restart forgets nothing."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from standin.drive.auth import Caller
from standin.drive.errors import DriveRefusal, invalid, not_found
from standin.drive.item import FOLDER, Content, Item
from standin.journal_file import JournalFile

ROOT_ALIAS = "root"
_ID = re.compile(r"[A-Za-z0-9_-]{10,}")


def new_id() -> str:
    """Make an id as long as Drive's: 33 characters, none of which can be guessed."""
    return f"1{secrets.token_urlsafe(24)}"


class DriveStore:
    """Items by id. What has the bytes of an item lies in a file named by the id."""

    def __init__(self, folder: Path, *, shared_drive: str, now: str) -> None:
        """Open `folder`; make the roots of My Drive and of the shared drive, if one is named."""
        if shared_drive and not _ID.fullmatch(shared_drive):
            raise ValueError("a shared drive's id has ten or more of A-Z, a-z, 0-9, _ and -")
        self._contents = folder / "contents"
        self._contents.mkdir(parents=True, exist_ok=True)
        self._items: dict[str, Item] = {}
        self._reserved: dict[str, str] = {}
        self._journal = JournalFile(folder / "files.jsonl", self._apply)
        self._root_id = next((i.id for i in self._items.values() if _is_root(i)), "")
        if not self._root_id:
            self._root_id = new_id()
            self.put(_root(self._root_id, name="My Drive", now=now))
        if shared_drive and shared_drive not in self._items:
            self.put(replace(_root(shared_drive, name="Shared", now=now), drive_id=shared_drive))

    # Ids

    def reserve(self, count: int, caller: Caller) -> list[str]:
        """Reserve ids that only `caller` may use."""
        ids = [new_id() for _ in range(count)]
        self._journal.append({"op": "reserve", "ids": ids, "by": caller.name})
        return ids

    def check_id(self, file_id: str, caller: Caller) -> None:
        """Raise what Drive answers to an id that cannot become a new file's."""
        if file_id in self._items:
            raise taken()
        if self._reserved.get(file_id) != caller.name:
            raise invalid("The provided file ID is not usable.")

    # Items

    def get(self, file_id: str, *, all_drives: bool) -> Item:
        """Find an item; raise the Drive's 404 if it is not there or not to be seen."""
        item = self._items.get(self._root_id if file_id == ROOT_ALIAS else file_id)
        if item is None or (item.drive_id and not all_drives):
            raise not_found(file_id)
        return item

    def put(self, item: Item) -> None:
        """Keep `item`, in the place of the one with its id."""
        self._journal.append({"op": "item", "item": asdict(item)})

    def take_in(self, item: Item, source: Path) -> None:
        """Keep a file whose bytes are at `source`, which is moved."""
        if item.id in self._items:
            raise taken()
        source.rename(self.path_of(item.id))
        self.put(item)

    def remove(self, file_id: str) -> None:
        """Forget an item and everything below it."""
        for child in [item.id for item in self._items.values() if file_id in item.parents]:
            self.remove(child)
        self._journal.append({"op": "gone", "id": file_id})
        self.path_of(file_id).unlink(missing_ok=True)

    def is_root(self, item: Item) -> bool:
        """Tell whether `item` is the top of a drive."""
        return _is_root(item) or item.id == item.drive_id

    def path_of(self, file_id: str) -> Path:
        """Give the file that holds the bytes of an item."""
        return self._contents / file_id

    def in_trash(self, item: Item) -> bool:
        """Tell whether an item, or a folder it lies in, is in the trash."""
        if item.trashed:
            return True
        parents = (self._items.get(parent) for parent in item.parents)
        return any(self.in_trash(parent) for parent in parents if parent is not None)

    def resource(self, item: Item) -> dict[str, Any]:
        """Show an item the way the API does."""
        return item.resource(in_trash=self.in_trash(item))

    def __iter__(self) -> Iterator[Item]:
        """Give every item but the roots, oldest first."""
        return iter([item for item in self._items.values() if not self.is_root(item)])

    @property
    def root_id(self) -> str:
        """Give the id of the top of My Drive."""
        return self._root_id

    @property
    def used_bytes(self) -> int:
        """Count what everything takes, the trash included."""
        return sum(item.content.size for item in self._items.values() if item.content)

    def close(self) -> None:
        """Close the journal; may be called twice."""
        self._journal.close()

    def _apply(self, record: dict[str, Any]) -> None:
        match str(record["op"]):
            case "reserve":
                self._reserved.update(dict.fromkeys(record["ids"], record["by"]))
            case "item":
                item = Item.from_record(record["item"])
                self._items[item.id] = item
            case _:
                self._items.pop(record["id"], None)


def taken() -> DriveRefusal:
    """Say that a file with this id exists."""
    return DriveRefusal(409, "fileIdInUse", "A file already exists with the provided ID.")


def empty_content(checksums: dict[str, str]) -> Content:
    """Describe a file of no bytes."""
    return Content(
        size=0, checksums=checksums, held_sha256=checksums["sha256Checksum"], revision=new_id()
    )


def _is_root(item: Item) -> bool:
    return not item.parents and not item.drive_id


def _root(file_id: str, *, name: str, now: str) -> Item:
    return Item(
        id=file_id, name=name, mime_type=FOLDER, parents=(), created_time=now, modified_time=now
    )

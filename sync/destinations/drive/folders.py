"""Where copies lie in Drive: a folder for each submitter, in one folder for everything."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, Final

import structlog

from sync.destinations.drive.documents import texts
from sync.destinations.drive.errors import Unclassified, classify
from titip.errors import DestinationUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from googleapiclient._apis.drive.v3.schemas import File

    from sync.destinations.drive.api import DriveCalls

log = structlog.get_logger()

ROOT_NAME: Final = "Titip"
ROOT_KEY: Final = "titip"
ROOT_VALUE: Final = "root"
SUBMITTER_KEY: Final = "titip_submitter"
MAX_NAME: Final = 200

_GONE: Final = (
    "the folder that mirror.drive.folder names is gone or not shared with Titip: share it, or "
    "leave the setting empty so that Titip makes one of its own"
)


_TRASHED: Final = (
    "the folder that mirror.drive.folder names lies in Drive's trash: restore it from the trash"
)


class DriveFolders:
    """Finds folders by what they carry, or makes them; known ones are kept in memory.

    Folders are made one at a time and under reserved ids. Of two that carry the same, which only
    a list that lags behind can bring about, the older one is used.
    """

    def __init__(self, calls: DriveCalls, *, root: str) -> None:
        self._calls = calls
        self._configured = root
        self._lock = asyncio.Lock()
        self._root = ""
        self._drive = ""
        self._known: dict[str, str] = {}
        self._told: dict[str, str] = {}

    async def of(self, submitter: str) -> str:
        """Give the id of the submitter's folder."""
        async with self._lock:
            if submitter not in self._known:
                told = self._told.pop(submitter, "")
                is_there = bool(told) and await self._is_in_root(told)
                self._known[submitter] = told if is_there else await self._submitters(submitter)
            return self._known[submitter]

    def remember(self, submitter: str, folder: str) -> None:
        """Note what a checkpoint knows, which a list may not show yet.

        It counts only if it lies in the folder for everything, which may be another one by now.
        """
        if folder and submitter not in self._known:
            self._told[submitter] = folder

    def forget(self, submitter: str) -> None:
        """Drop a folder that is not there any more."""
        self._known.pop(submitter, None)
        self._told.pop(submitter, None)
        self._root = ""

    async def check(self) -> None:
        """Raise DestinationUnavailable unless the place for everything can be seen."""
        if self._configured:
            await self._configured_root()
        else:
            await self._calls.ask_about()

    async def _submitters(self, submitter: str) -> str:
        root = await self._found_root()
        value = hashlib.sha256(submitter.encode("utf-8", "surrogatepass")).hexdigest()
        found = await self._calls.find(key=SUBMITTER_KEY, value=value, drive=self._drive)
        within = [one for one in found if root in texts(one.get("parents"))]
        if within:
            return _oldest(within)
        return await self._make(submitter, key=SUBMITTER_KEY, value=value, parent=root)

    async def _found_root(self) -> str:
        if not self._root:
            self._root = await (self._configured_root() if self._configured else self._own_root())
        return self._root

    async def _configured_root(self) -> str:
        try:
            folder = await self._calls.folder(self._configured)
        except Unclassified as fault:
            self._known.clear()
            raise DestinationUnavailable(_GONE) from fault
        if folder.trashed:
            self._known.clear()
            raise DestinationUnavailable(_TRASHED)
        self._drive = folder.drive
        return self._configured

    async def _is_in_root(self, folder: str) -> bool:
        """Tell whether a folder that a checkpoint knows lies in the folder for everything.

        One of our own is known by what it carries, since a list may not show it yet.
        """
        if self._configured:
            await self._found_root()
        try:
            told = await self._calls.folder(folder)
            if told.trashed:
                return False
            for parent in () if self._root else told.parents:
                if await self._is_own_root(parent):
                    self._root = parent
        except Unclassified:
            return False
        return self._root in told.parents

    async def _is_own_root(self, folder: str) -> bool:
        told = await self._calls.folder(folder)
        return told.properties.get(ROOT_KEY) == ROOT_VALUE and not told.trashed

    async def _own_root(self) -> str:
        found = await self._calls.find(key=ROOT_KEY, value=ROOT_VALUE)
        if found:
            return _oldest(found)
        return await self._make(ROOT_NAME, key=ROOT_KEY, value=ROOT_VALUE, parent="")

    async def _make(self, name: str, *, key: str, value: str, parent: str) -> str:
        reserved = await self._calls.reserve_id()
        shown = name.encode("utf-8", "replace").decode()[:MAX_NAME] or "-"
        body: File = {"id": reserved, "name": shown, "appProperties": {key: value}}
        if parent:
            body["parents"] = [parent]
        try:
            await self._calls.make_folder(body)
        except Unclassified as fault:
            self._root = ""
            raise classify(fault) from None
        log.info("mirror.folder_made", folder=reserved)
        return reserved


def _oldest(found: list[Mapping[str, Any]]) -> str:
    if len(found) > 1:
        log.warning("mirror.folder_twice", folders=[one["id"] for one in found])
    return str(found[0]["id"])

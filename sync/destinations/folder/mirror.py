"""The mirror as a folder: another disk, or a mount of whatever the operators trust.

A copy gets its name only after it was synced and read back, so a crash at any point leaves either
no copy or a whole one.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from sync.content import PIECE, pieces
from sync.destinations.credentials.small_file import open_regular
from sync.destinations.folder.disk import (
    blamed_on_folder,
    digest_file,
    opened_root,
    sync_folder,
    try_writing,
)
from sync.destinations.safe_names import copy_name, safe_name
from sync.threads import PATIENCE, Abandoned, in_thread
from titip.delivery import MIRROR
from titip.errors import AttemptFailed
from titip.ports.delivery import DeliveryResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Content, Progress

log = structlog.get_logger()

IN_THE_WAY: Final = (
    "something else lies in mirror.path where this copy or its folder belongs: move it away"
)

ROOM_TO_BE_WELL: Final = 16 << 20
"""Bytes free below which a probe says that the folder is not well."""


@dataclass(frozen=True, slots=True)
class FolderOptions:
    """Where the folder is, and whether copies were made there before."""

    path: Path
    has_copies: bool = False


class FolderMirror:
    """Keeps copies as `<path>/<submitter>/<upload id><extension>`."""

    name: Final = MIRROR

    def __init__(self, options: FolderOptions) -> None:
        self._path = options.path
        self._has_copies = options.has_copies

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        """Copy, sync, read back, then name the copy; a good one that is there already will do."""
        place = _Place.of(self._path, parcel)
        abandoned = threading.Event()
        copying = _Copying(parcel, content=content, progress=progress, abandoned=abandoned)

        def copy() -> DeliveryResult:
            with opened_root(self._path, has_copies=self._has_copies) as root:
                return copying.into(place, root)

        with blamed_on_folder():
            arrival = await in_thread(copy, stop=abandoned.set, patience=PATIENCE)
        self._has_copies = True
        progress.body_sent()
        return arrival

    async def fetch(self, locator: str) -> AsyncGenerator[bytes, None]:
        """Give a copy back; see titip.ports.delivery.Source."""
        copy = self._path / locator
        if not locator or not copy.resolve().is_relative_to(self._path.resolve()):
            raise AttemptFailed("the mirror's folder cannot hold a copy of that name")
        with blamed_on_folder():
            try:
                file = await in_thread(lambda: open_regular(copy))
            except FileNotFoundError as error:
                await in_thread(self._refuse_gone)
                raise AttemptFailed("the mirror has no such copy any more") from error
            with file:
                while piece := await in_thread(partial(file.read, PIECE)):
                    yield piece

    async def probe(self) -> bool | None:
        """Tell whether a file can be written and synced there, and there is room for more.

        Raises DestinationUnavailable where the folder of earlier copies is gone.
        """
        return await in_thread(self._well, patience=PATIENCE)

    async def close(self) -> None:
        """Do nothing: no file stays open between deliveries."""

    def _refuse_gone(self) -> None:
        if self._has_copies:
            with opened_root(self._path, has_copies=True):
                pass

    def _well(self) -> bool:
        try:
            self._refuse_gone()
            there = next(path for path in (self._path, *self._path.parents) if path.exists())
            room = os.statvfs(there)
            if there == self._path:
                try_writing(there)
        except OSError:
            return False
        has_room = room.f_bavail * room.f_frsize >= ROOM_TO_BE_WELL
        return has_room and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one copy belongs. The attempt's number keeps a worker that lost its lease away."""

    root: Path
    copy: Path
    attempt: int

    @classmethod
    def of(cls, root: Path, parcel: ClaimedDelivery) -> _Place:
        folder = root / safe_name(parcel.upload.submitter)
        return cls(root, folder / copy_name(parcel.upload), parcel.delivery.attempts)

    @property
    def locator(self) -> str:
        return self.copy.relative_to(self.root).as_posix()

    @property
    def temporary(self) -> Path:
        return self.copy.with_name(f".{self.copy.name}.{self.attempt}.part")

    def leftovers(self) -> Iterator[Path]:
        """Find what earlier attempts left behind."""
        prefix = f".{self.copy.name}."
        for path in self.copy.parent.iterdir():
            number = path.name.removeprefix(prefix).removesuffix(".part")
            is_one = path.name == f"{prefix}{number}.part" and number.isdecimal()
            if is_one and int(number) < self.attempt:
                yield path

    def aside(self) -> Path:
        """Find a free name for a copy that turned out wrong."""
        number = 1
        while (path := self.copy.with_name(f"{self.copy.name}.damaged-{number}")).exists():
            number += 1
        return path


@dataclass(frozen=True, slots=True)
class _Copying:
    """One copy being made, in a thread."""

    parcel: ClaimedDelivery
    content: Content
    progress: Progress
    abandoned: threading.Event

    def into(self, place: _Place, root: int) -> DeliveryResult:
        _make_way(place, root)
        for leftover in place.leftovers():
            leftover.unlink(missing_ok=True)
        there = self._already(place)
        if there is not None:
            return there
        try:
            self._write(place.temporary)
            arrival = self._arrival(place, place.temporary)
            if not self._is_good(arrival):
                raise AttemptFailed(
                    "the copy reads back differently; check the disk of mirror.path"
                )
            place.temporary.replace(place.copy)
        finally:
            place.temporary.unlink(missing_ok=True)
        _sync_names(place)
        return arrival

    def _already(self, place: _Place) -> DeliveryResult | None:
        if not place.copy.is_file():
            return None
        arrival = self._arrival(place, place.copy)
        if self._is_good(arrival):
            _sync_names(place)
            return arrival
        aside = place.aside()
        place.copy.rename(aside)
        log.error("mirror.damaged", upload=self.parcel.upload.id, moved_to=aside.name)
        return None

    def _arrival(self, place: _Place, path: Path) -> DeliveryResult:
        size, sha256 = digest_file(path, self.progress.sent)
        return DeliveryResult(locator=place.locator, size=size, sha256=sha256)

    def _is_good(self, arrival: DeliveryResult) -> bool:
        upload = self.parcel.upload
        return (arrival.size, arrival.sha256) == (upload.size, upload.sha256)

    def _write(self, path: Path) -> None:
        with open(path, "wb", opener=_for_its_owner) as file:
            for piece in pieces(self.content):
                if self.abandoned.is_set():
                    raise Abandoned
                file.write(piece)
                self.progress.sent(len(piece))
            file.flush()
            os.fsync(file.fileno())


def _make_way(place: _Place, root: int) -> None:
    """Make the submitter's folder in the opened root, and in no other that has its name now.

    Raises AttemptFailed where something else lies in the way.
    """
    folder = place.copy.parent
    try:
        os.mkdir(folder.name, 0o700, dir_fd=root)
    except FileExistsError as error:
        if not folder.is_dir():
            raise AttemptFailed(IN_THE_WAY, suspect=IN_THE_WAY) from error
    if place.copy.is_dir():
        raise AttemptFailed(IN_THE_WAY)


def _sync_names(place: _Place) -> None:
    sync_folder(place.copy.parent)
    sync_folder(place.root)
    with suppress(PermissionError):  # a parent that Titip may not read, it did not make either
        sync_folder(place.root.parent)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

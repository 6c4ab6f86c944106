"""Both mirrors give back what they received."""

import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from standin.drive.server import RunningDrive
from sync.destinations.drive.mirror import DriveMirror
from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from tests import rot
from tests.contract.source_contract import SourceContract
from tests.drive_places import a_drive, a_mirror


@dataclass
class FolderHeld:
    path: Path
    destination: FolderMirror

    def lose(self):
        for copy in self._copies():
            rot.vanish(copy)

    def rot(self):
        for copy in self._copies():
            rot.flip(copy)

    def _copies(self):
        return [path for path in self.path.rglob("*") if path.is_file()]


@dataclass
class DriveHeld:
    far: RunningDrive
    destination: DriveMirror

    def lose(self):
        for entry in self.far.entries():
            if entry["path"]:
                self.far.control._store.remove(entry["id"])  # type: ignore[attr-defined]  # noqa: SLF001 - as its owner would

    def rot(self):
        for entry in self.far.entries():
            if entry["path"]:
                rot.flip(Path(entry["path"]))


class TestFolderSource(SourceContract):
    @asynccontextmanager
    async def place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "mirror"
            yield FolderHeld(path, FolderMirror(FolderOptions(path)))


class TestDriveSource(SourceContract):
    @asynccontextmanager
    async def place(self):
        async with a_drive() as (far, options), a_mirror(options) as near:
            yield DriveHeld(far, near)

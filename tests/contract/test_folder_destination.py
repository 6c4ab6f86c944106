"""The folder mirror keeps the contract."""

import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from tests.contract.destination_contract import DestinationContract


@dataclass
class FolderPlace:
    path: Path

    @property
    def destination(self):
        return FolderMirror(FolderOptions(self.path))

    def held(self):
        return [path.read_bytes() for path in sorted(self.path.rglob("*")) if path.is_file()]


class TestFolderMirror(DestinationContract):
    @asynccontextmanager
    async def place(self):
        with tempfile.TemporaryDirectory() as folder:
            yield FolderPlace(Path(folder) / "mirror")

"""Describe one file or folder of the Drive, and show it the way the API does."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = "application/vnd.google-apps.folder"
GOOGLE_TYPES = "application/vnd.google-apps."
OCTET_STREAM = "application/octet-stream"

READ_BYTES = 1024 * 1024


class Digests:
    """The three digests that Drive reports of a file, of everything fed so far."""

    def __init__(self) -> None:
        self._digests = {
            "md5Checksum": hashlib.md5(usedforsecurity=False),
            "sha1Checksum": hashlib.sha1(usedforsecurity=False),
            "sha256Checksum": hashlib.sha256(),
        }

    def update(self, piece: bytes) -> None:
        """Add the next bytes."""
        for digest in self._digests.values():
            digest.update(piece)

    def report(self) -> dict[str, str]:
        """Give the digests under the names that Drive gives them."""
        return {name: digest.hexdigest() for name, digest in self._digests.items()}


def digests_of(path: Path) -> Digests:
    """Read a file through and digest it; blocks."""
    digests = Digests()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digests.update(piece)
    return digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The bytes of a file: what is reported of them, and what they really are."""

    size: int
    checksums: dict[str, str]
    held_sha256: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One file or folder. A folder has no content. An empty id is still to be given."""

    id: str
    name: str
    mime_type: str
    parents: tuple[str, ...]
    created_time: str
    modified_time: str
    description: str = ""
    starred: bool = False
    trashed: bool = False
    drive_id: str = ""
    version: int = 1
    app_properties: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    content: Content | None = None

    @property
    def is_folder(self) -> bool:
        """Tell whether other items can lie in this one."""
        return self.mime_type == FOLDER

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "Item":
        """Read back what `dataclasses.asdict` wrote."""
        content = record["content"]
        return cls(
            **{
                **record,
                "parents": tuple(record["parents"]),
                "content": None if content is None else Content(**content),
            }
        )

    def resource(self, *, in_trash: bool) -> dict[str, Any]:
        """Give every field that the API knows of this item."""
        shown: dict[str, Any] = {
            "kind": "drive#file",
            "id": self.id,
            "name": self.name,
            "mimeType": self.mime_type,
            "parents": list(self.parents),
            "createdTime": self.created_time,
            "modifiedTime": self.modified_time,
            "starred": self.starred,
            "trashed": in_trash,
            "explicitlyTrashed": self.trashed,
            "version": str(self.version),
            "spaces": ["drive"],
            "ownedByMe": not self.drive_id,
            "capabilities": {"canEdit": True, "canTrash": True, "canAddChildren": self.is_folder},
        }
        optional = {
            "description": self.description,
            "driveId": self.drive_id,
            "appProperties": self.app_properties,
            "properties": self.properties,
        }
        shown.update({name: value for name, value in optional.items() if value})
        if self.content is not None:
            shown.update(
                {
                    "size": str(self.content.size),
                    "quotaBytesUsed": str(self.content.size),
                    "originalFilename": self.name,
                    "headRevisionId": self.content.revision,
                    **self.content.checksums,
                }
            )
        return shown

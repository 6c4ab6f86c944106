"""Read the metadata of a file that is to be made or changed, as strictly as Drive does."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from standin.drive.auth import Caller
from standin.drive.errors import DriveRefusal, invalid, not_found
from standin.drive.gate import storage_full
from standin.drive.item import FOLDER, GOOGLE_TYPES, Item
from standin.drive.store import DriveStore

MAX_PROPERTY_BYTES = 124
MAX_PROPERTIES = 30
READ_ONLY = frozenset(
    {"size", "md5Checksum", "sha1Checksum", "sha256Checksum", "headRevisionId", "driveId", "kind"}
)

Metadata = dict[str, Any]
Clock = Callable[[], float]


async def read_metadata(request: web.Request) -> Metadata:
    """Read a JSON object from the body; no body means an empty one."""
    text = await request.read()
    try:
        metadata = json.loads(text or b"{}")
    except ValueError as error:
        raise invalid("Parse Error", reason="parseError") from error
    if not isinstance(metadata, dict):
        raise invalid("Parse Error", reason="parseError")
    if READ_ONLY & metadata.keys():
        field = min(READ_ONLY & metadata.keys())
        raise DriveRefusal(403, "fieldNotWritable", f"The field {field} cannot be written.")
    return metadata


class Drafting:
    """Make items out of metadata, and check what only the whole Drive can tell."""

    def __init__(self, store: DriveStore, *, clock: Clock, quota_bytes: int) -> None:
        self._store = store
        self._clock = clock
        self._quota_bytes = quota_bytes

    def now(self) -> str:
        """Give the time as Drive writes it: UTC, milliseconds."""
        return timestamp(self._clock())

    def draft(
        self, metadata: Metadata, *, caller: Caller, all_drives: bool, default_type: str
    ) -> Item:
        """Make an item without content; raise what Drive answers if it may not exist."""
        file_id = _text(metadata, "id")
        if file_id:
            self._store.check_id(file_id, caller)
        parent = self._parent(metadata, all_drives=all_drives)
        if caller.is_service_account and not parent.drive_id:
            raise storage_full()
        mime_type = _text(metadata, "mimeType") or default_type
        if mime_type.startswith(GOOGLE_TYPES) and mime_type != FOLDER:
            raise invalid("This stand-in makes folders and plain files alone.")
        now = self.now()
        blank = Item(
            id=file_id,
            name=_text(metadata, "name") or "Untitled",
            mime_type=mime_type,
            parents=(parent.id,),
            created_time=_moment(metadata, "createdTime") or now,
            modified_time=_moment(metadata, "modifiedTime") or now,
            drive_id=parent.drive_id,
        )
        return _with_details(blank, metadata)

    def change(self, item: Item, metadata: Metadata) -> Item:
        """Apply a PATCH; properties are merged key by key, null clears."""
        if "id" in metadata or "parents" in metadata:
            raise DriveRefusal(403, "fieldNotWritable", "The field cannot be written.")
        changed = replace(
            _with_details(item, metadata),
            name=_text(metadata, "name") or item.name,
            mime_type=_text(metadata, "mimeType") or item.mime_type,
            modified_time=_moment(metadata, "modifiedTime") or self.now(),
            version=item.version + 1,
        )
        return replace(changed, trashed=_flag(metadata, "trashed", default=item.trashed))

    def check_room(self, size: int) -> None:
        """Raise the Drive's refusal if `size` more bytes are over the quota."""
        if self._quota_bytes and self._store.used_bytes + size > self._quota_bytes:
            raise storage_full()

    def limit(self) -> dict[str, str]:
        """Give the quota as `about` shows it; an unlimited one is not shown."""
        return {"limit": str(self._quota_bytes)} if self._quota_bytes else {}

    def _parent(self, metadata: Metadata, *, all_drives: bool) -> Item:
        parents = metadata.get("parents") or [self._store.root_id]
        if not isinstance(parents, list) or len(parents) != 1 or not isinstance(parents[0], str):
            raise invalid("A file has one parent.")
        parent = self._store.get(parents[0], all_drives=all_drives)
        if not parent.is_folder:
            raise not_found(parents[0])
        return parent


def timestamp(seconds: float) -> str:
    """Write a time as Drive does: UTC, milliseconds, a Z."""
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


def _with_details(item: Item, metadata: Metadata) -> Item:
    return replace(
        item,
        description=_text(metadata, "description") or item.description,
        starred=_flag(metadata, "starred", default=item.starred),
        app_properties=_merged(item.app_properties, metadata, "appProperties"),
        properties=_merged(item.properties, metadata, "properties"),
    )


def _text(metadata: Metadata, name: str) -> str:
    value = metadata.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f"The field {name} must be a string.")
    return value or ""


def _moment(metadata: Metadata, name: str) -> str:
    """Read a time; Drive keeps milliseconds of it."""
    text = _text(metadata, name)
    if not text:
        return ""
    try:
        return timestamp(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise invalid(f"The field {name} must be a time as RFC 3339 writes it.") from error


def _flag(metadata: Metadata, name: str, *, default: bool) -> bool:
    value = metadata.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise invalid(f"The field {name} must be true or false.")
    return value


def _merged(old: dict[str, str], metadata: Metadata, name: str) -> dict[str, str]:
    given = metadata.get(name) or {}
    if not isinstance(given, dict):
        raise invalid(f"The field {name} must be an object.")
    for key, value in given.items():
        if value is not None and not isinstance(value, str):
            raise invalid(f"The values of {name} must be strings.")
        if len(f"{key}{value or ''}".encode()) > MAX_PROPERTY_BYTES:
            raise invalid(f"A property's key and value have at most {MAX_PROPERTY_BYTES} bytes.")
    merged = {key: value for key, value in {**old, **given}.items() if value is not None}
    if len(merged) > MAX_PROPERTIES:
        raise invalid(f"A file has at most {MAX_PROPERTIES} properties of one application.")
    return merged

"""Serve what the Drive's files.* calls do apart from uploading."""

import base64
import contextlib
from dataclasses import replace
from typing import Any

from aiohttp import web

from standin.drive.auth import Caller
from standin.drive.errors import CutOff, DriveRefusal, invalid
from standin.drive.faults import Faults, Kind, ListLag, LostStartAnswer
from standin.drive.fields import (
    ABOUT_FIELDS,
    FILE_DEFAULT,
    FILE_FIELDS,
    LIST_DEFAULT,
    LIST_FIELDS,
    keep,
    parse_mask,
)
from standin.drive.item import OCTET_STREAM, Digests, Item
from standin.drive.metadata import Clock, Drafting, read_metadata, timestamp
from standin.drive.query import parse_query
from standin.drive.store import DriveStore, empty_content, new_id

MAX_IDS = 1000
MAX_PAGE = 1000
MAX_UPLOAD_BYTES = 5_497_558_138_880


class Files:
    """One method a call."""

    def __init__(
        self, store: DriveStore, *, drafting: Drafting, faults: Faults, clock: Clock
    ) -> None:
        self._store = store
        self._drafting = drafting
        self._faults = faults
        self._clock = clock

    async def about(self, request: web.Request, caller: Caller) -> web.Response:
        """Tell who asks and how much room there is."""
        if "fields" not in request.query:
            raise invalid("The 'fields' parameter is required for this method.", reason="required")
        return _shown(
            request,
            {
                "kind": "drive#about",
                "user": {"kind": "drive#user", "emailAddress": caller.name, "me": True},
                "storageQuota": {
                    "usage": str(self._store.used_bytes),
                    "usageInDrive": str(self._store.used_bytes),
                    **self._drafting.limit(),
                },
                "maxUploadSize": str(MAX_UPLOAD_BYTES),
            },
            default="*",
            known=ABOUT_FIELDS,
        )

    async def reserve(self, request: web.Request, caller: Caller) -> web.Response:
        """Give out ids for files that this caller will make."""
        count = _number(request, "count", default=10, most=MAX_IDS)
        if request.query.get("type", "files") != "files":
            raise invalid("This stand-in reserves ids of files alone.")
        ids = self._store.reserve(count, caller)
        return web.json_response({"kind": "drive#generatedIds", "space": "drive", "ids": ids})

    async def create(self, request: web.Request, caller: Caller) -> web.Response:
        """Make a folder, or a file without bytes."""
        item = self._drafting.draft(
            await read_metadata(request),
            caller=caller,
            all_drives=sees_all_drives(request),
            default_type=OCTET_STREAM,
        )
        item = replace(item, id=item.id or new_id())
        if not item.is_folder:
            self._store.path_of(item.id).touch()
            item = replace(item, content=empty_content(Digests().report()))
        self._store.put(item)
        if self._faults.take(LostStartAnswer, Kind.CREATE) is not None:
            raise CutOff
        return self.show(request, item)

    async def get(self, request: web.Request, _: Caller) -> web.StreamResponse:
        """Show a file, or give its bytes."""
        item = self._find(request)
        if request.query.get("alt") != "media":
            return self.show(request, item)
        if item.content is None:
            raise DriveRefusal(403, "fileNotDownloadable", "Only files with bytes can be fetched.")
        headers = {"Content-Type": item.mime_type}
        return web.FileResponse(self._store.path_of(item.id), headers=headers)

    async def update(self, request: web.Request, _: Caller) -> web.Response:
        """Change a file's metadata, or its parent."""
        item = self._find(request)
        changed = self._drafting.change(item, await read_metadata(request))
        add = request.query.get("addParents")
        if add:
            parent = self._store.get(add, all_drives=sees_all_drives(request))
            changed = replace(changed, parents=(parent.id,), drive_id=parent.drive_id)
        self._store.put(changed)
        return self.show(request, changed)

    async def delete(self, request: web.Request, _: Caller) -> web.Response:
        """Delete a file for good; "trash" in the place of an id empties the trash."""
        if request.match_info["id"] == "trash":
            for item in [item for item in self._store if item.trashed]:
                self._store.remove(item.id)
            return web.Response(status=204)
        item = self._find(request)
        if self._store.is_root(item):
            raise DriveRefusal(403, "insufficientFilePermissions", "A root cannot be deleted.")
        self._store.remove(item.id)
        return web.Response(status=204)

    async def listing(self, request: web.Request, _: Caller) -> web.Response:
        """Find files, a page at a time."""
        matches = parse_query(self._with_root(request.query.get("q", "")))
        found = [self._store.resource(item) for item in self._in_sight(request)]
        found = _ordered([one for one in found if matches(one)], request.query.get("orderBy", ""))
        size = _number(request, "pageSize", default=100, most=MAX_PAGE)
        begin = _page_start(request.query.get("pageToken", ""))
        page: dict[str, Any] = {
            "kind": "drive#fileList",
            "incompleteSearch": False,
            "files": found[begin : begin + size],
        }
        if begin + size < len(found):
            page["nextPageToken"] = base64.urlsafe_b64encode(b"p%d" % (begin + size)).decode()
        return _shown(request, page, default=LIST_DEFAULT, known=LIST_FIELDS)

    def show(self, request: web.Request, item: Item, *, fields: str = "") -> web.Response:
        """Answer with what the request wants to know of `item`."""
        resource = self._store.resource(item)
        return _shown(request, resource, default=fields or FILE_DEFAULT, known=FILE_FIELDS)

    def _find(self, request: web.Request) -> Item:
        return self._store.get(request.match_info["id"], all_drives=sees_all_drives(request))

    def _with_root(self, query: str) -> str:
        return query.replace("'root' in parents", f"'{self._store.root_id}' in parents")

    def _in_sight(self, request: web.Request) -> list[Item]:
        """Give the items that a list may show at all."""
        query = request.query
        wants_all = query.get("includeItemsFromAllDrives") == "true"
        if wants_all and not sees_all_drives(request):
            raise invalid("includeItemsFromAllDrives needs supportsAllDrives.")
        if query.get("corpora") == "drive" and not (wants_all and "driveId" in query):
            raise invalid("corpora=drive needs driveId and includeItemsFromAllDrives.")
        items = [item for item in self._store if wants_all or not item.drive_id]
        if "driveId" in query:
            items = [item for item in items if item.drive_id == query["driveId"]]
        lag = self._faults.take(ListLag, Kind.LIST)
        if lag is None:
            return items
        horizon = timestamp(self._clock() - lag.seconds)
        return [item for item in items if item.created_time <= horizon]


def sees_all_drives(request: web.Request) -> bool:
    """Tell whether a request says that it can deal with shared drives."""
    return request.query.get("supportsAllDrives") == "true"


def check_fields(request: web.Request) -> None:
    """Raise the Drive's 400 now for a selection that would fail at the end."""
    if "fields" in request.query:
        parse_mask(request.query["fields"], known=FILE_FIELDS)


def _shown(
    request: web.Request, value: dict[str, Any], *, default: str, known: frozenset[str]
) -> web.Response:
    mask = parse_mask(request.query.get("fields") or default, known=known)
    return web.json_response(keep(mask, value))


def _number(request: web.Request, name: str, *, default: int, most: int) -> int:
    with contextlib.suppress(ValueError):
        number = int(request.query.get(name, str(default)))
        if 1 <= number <= most:
            return number
    raise invalid(f"Invalid value. {name} must be from 1 to {most}.", reason="invalidParameter")


def _page_start(token: str) -> int:
    if not token:
        return 0
    with contextlib.suppress(ValueError):
        text = base64.urlsafe_b64decode(token)
        if text.startswith(b"p"):
            return int(text[1:])
    raise invalid("Invalid Value for the parameter pageToken")


def _ordered(found: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    """Sort by each key of `orderBy`, the last one first: Python's sort is stable."""
    for part in reversed([part.split() for part in order.split(",") if part.strip()]):
        if part[0] not in {"name", "createdTime", "modifiedTime", "folder", "name_natural"}:
            raise invalid("Invalid Value for the parameter orderBy")
        key = {"name_natural": "name", "folder": "mimeType"}.get(part[0], part[0])
        found = sorted(found, key=lambda one: str(one[key]), reverse=part[1:] == ["desc"])
    return found

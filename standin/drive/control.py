"""Switch the Drive's faults from outside, and show a judge what it holds."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from standin.control_routes import ControlRoutes
from standin.drive.faults import NONE, Faults
from standin.drive.gate import Front
from standin.drive.sessions import Sessions
from standin.drive.store import DriveStore


class DriveSwitch(ControlRoutes):
    """The control of a Drive."""

    path = "/standin/faults"

    def __init__(
        self, store: DriveStore, *, sessions: Sessions, faults: Faults, front: Front
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._faults = faults
        self._front = front

    def routes(self) -> list[web.RouteDef]:
        """Name the routes, with one that switches every fault off."""
        return [*super().routes(), web.delete(self.path, self._clear)]

    def switch(self, document: Mapping[str, object]) -> None:
        """Switch the fault in the document on; the name "none" switches all off."""
        self._faults.switch(document)

    def state(self) -> dict[str, object]:
        """Tell the faults that are on."""
        return {"faults": self._faults.describe()}

    def stats(self) -> dict[str, Any]:
        """Count everything a judge asks for. What lies in the trash is counted apart."""
        items = [item for item in self._store if not self._store.in_trash(item)]
        files = [item for item in items if item.content is not None]
        whole = Counter(tuple(sorted(f.app_properties.items())) for f in files if f.app_properties)
        by_key: dict[str, Counter[str]] = {}
        for file in files:
            for key, value in file.app_properties.items():
                by_key.setdefault(key, Counter())[value] += 1
        return {
            "files": len(files),
            "folders": len(items) - len(files),
            "trashed": len(list(self._store)) - len(items),
            "bytes": sum(file.content.size for file in files if file.content),
            "same_digest": len(files) - len({f.content.held_sha256 for f in files if f.content}),
            "sessions": self._sessions.stats(),
            "requests": dict(self._front.requests),
            "same_appproperty_duplicates": _repeats(whole),
            "repeats_by_appproperty": {key: _repeats(values) for key, values in by_key.items()},
            "faults": self._faults.describe(),
        }

    def entries(self) -> list[dict[str, Any]]:
        """Give every item, with the digest of what is really held and where that lies."""
        return [
            {
                "id": item.id,
                "name": item.name,
                "mimeType": item.mime_type,
                "parents": list(item.parents),
                "size": item.content.size if item.content else 0,
                "sha256": item.content.held_sha256 if item.content else "",
                "appProperties": item.app_properties,
                "trashed": self._store.in_trash(item),
                "driveId": item.drive_id,
                "path": str(self._store.path_of(item.id)) if item.content else "",
            }
            for item in self._store
        ]

    async def _clear(self, _: web.Request) -> web.StreamResponse:
        self.switch({"name": NONE})
        return web.json_response(self.state())


def _repeats(counts: Counter[Any]) -> int:
    return sum(count - 1 for count in counts.values())

"""What every request works with, and the questions that many of them ask."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateway import secret
from gateway.commands import Terms
from gateway.errors import Refusal
from gateway.forwarded import Asked, base_url
from titip.errors import UploadMissing
from titip.upload import UploadId

if TYPE_CHECKING:
    from gateway.admission import Admission
    from gateway.auth import Door
    from gateway.commands import Command
    from gateway.connections import Connections
    from gateway.deps import Deps, GatewayOptions
    from gateway.joining import Joining
    from gateway.locks import UploadLocks
    from gateway.metrics import Metrics
    from gateway.notice import Draining
    from titip.access import Bearer
    from titip.upload import Upload

FILES: Final = "/files/"
"""Where tus lives."""

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)

RETRY_AFTER: Final = 5
"""Seconds a sender should wait out passing trouble: about the length of a restart."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The ports and the parts of one gateway."""

    deps: Deps
    door: Door
    locks: UploadLocks
    admission: Admission
    metrics: Metrics
    connections: Connections
    joining: Joining

    @property
    def options(self) -> GatewayOptions:
        """Give the options."""
        return self.deps.options

    @property
    def draining(self) -> Draining:
        """Give the switch that is thrown when the process is to stop."""
        return self.deps.draining

    @property
    def terms(self) -> Terms:
        """Give what the protocol needs to know of the options."""
        return Terms(self.options.max_upload, self.options.max_unfinished_age)

    async def admitted(self, request: web.Request, command: Command, upload_id: UploadId) -> Bearer:
        """Tell who may do this to an upload: by a token, or by its own secret; raises Refusal."""
        try:
            return await self.door.bearer(request.headers.get("Authorization"))
        except Refusal:
            shown = secret.shown(request.headers, command)
            if not shown:
                raise
            bearer = secret.bearer_of(await self.deps.store.find(upload_id), shown)
            if bearer is None:
                raise
            return bearer

    async def own(self, upload_id: UploadId, bearer: Bearer) -> Upload:
        """Give the bearer's upload; raises UploadMissing alike for unknown and foreign ones."""
        upload = await self.deps.store.find(upload_id)
        if upload is None or not bearer.owns(upload.submitter):
            raise UploadMissing("no such upload belongs to this submitter")
        return upload

    def location(self, request: web.Request, upload_id: UploadId) -> str:
        """Give the absolute address of an upload; only the path where no host is known."""
        asked = Asked(request.remote or "", request.scheme, request.headers.get("Host", ""))
        trusted, public = self.options.trusted_proxies, self.options.public_url
        base = base_url(asked, request.headers, trusted=trusted, public_url=public)
        return f"{base}{FILES}{upload_id}"


GATE: Final = web.AppKey("gate", Gate)

CUT_SHORT: Final = web.RequestKey("cut_short", bool)
"""Set on a request whose body was not read to its end: its connection is of no more use."""


def upload_id(request: web.Request) -> UploadId:
    """Give the id in the request's address; raises UploadMissing when it cannot be one of ours."""
    text = request.match_info["id"]
    if _ID.fullmatch(text) is None:
        raise UploadMissing("no such upload belongs to this submitter")
    return UploadId(text)

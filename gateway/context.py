"""What every request works with, and the questions that many of them ask."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateway.admission import Admission
from gateway.auth import Authenticator
from gateway.ingest.concatenation import Joining
from gateway.ingest.locks import UploadLocks
from gateway.ingest.shutdown import ShutdownSignal
from gateway.metrics import Metrics
from gateway.options import GatewayOptions
from gateway.protocol import upload_secret
from gateway.protocol.commands import UploadLimits
from gateway.protocol.errors import Refusal
from gateway.protocol.forwarded import base_url
from gateway.transport.connection_limits import Connections
from titip.clock import ClockState
from titip.errors import UploadGone, UploadMissing
from titip.upload import UploadId

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gateway.protocol.commands import Command
    from titip.access import Bearer
    from titip.ports.concatenation import Joiner
    from titip.ports.operations import Operations, Records
    from titip.ports.people import Tokens
    from titip.ports.storage import Store
    from titip.upload import Upload

FILES: Final = "/files/"
"""Where tus lives."""

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(slots=True)
class AppContext:
    """The ports of `titip` that the gateway uses, its options, and the parts made of them.

    `now` is the time in UTC, `clock` tells what is known against the machine's clock,
    `lines_dropped` how many lines of the log were lost. Whoever stops the process gives `draining`
    first, and closes the listeners after that.
    """

    store: Store
    joiner: Joiner
    records: Records
    operations: Operations
    tokens: Tokens
    now: Callable[[], datetime]
    draining: ShutdownSignal = field(default_factory=ShutdownSignal)
    clock: Callable[[], ClockState] = ClockState
    lines_dropped: Callable[[], int] = lambda: 0
    options: GatewayOptions = field(default_factory=GatewayOptions)
    locks: UploadLocks = field(init=False, default_factory=UploadLocks)
    metrics: Metrics = field(init=False, default_factory=Metrics)
    authenticator: Authenticator = field(init=False)
    admission: Admission = field(init=False)
    connections: Connections = field(init=False)
    joining: Joining = field(init=False)

    def __post_init__(self) -> None:
        """Make the parts."""
        options = self.options
        self.authenticator = Authenticator(self.tokens, options.auth)
        self.admission = Admission(
            self.store, self.records, reserve=options.reserve, max_open=options.max_open_uploads
        )
        self.connections = Connections(
            options.connections, bodies=lambda: len(self.locks), metrics=self.metrics
        )
        self.joining = Joining(self.joiner, metrics=self.metrics)

    @property
    def terms(self) -> UploadLimits:
        """Give what the protocol needs to know of the options."""
        return UploadLimits(self.options.max_upload, self.options.max_unfinished_age)

    async def admitted(self, request: web.Request, command: Command) -> tuple[UploadId, Bearer]:
        """Give the upload that is meant, and who may do this to it; raises Refusal, UploadMissing.

        That is the bearer of a token, or of the upload's own secret.
        """
        which = upload_id(request)
        try:
            return which, await self.authenticator.authenticate(request.headers)
        except Refusal:
            shown = upload_secret.presented_secret(request.headers, command)
            if not shown:
                raise
            bearer = upload_secret.bearer_of(await self.store.find(which), shown)
            if bearer is None:
                raise
            return which, bearer

    async def own(self, upload_id: UploadId, bearer: Bearer) -> Upload:
        """Give the bearer's upload; raises UploadMissing alike for unknown and foreign ones."""
        upload = await self.store.find(upload_id)
        if upload is None or not bearer.owns(upload.submitter):
            raise UploadMissing("no such upload belongs to this submitter")
        return upload

    def location(self, request: web.Request, upload_id: UploadId) -> str:
        """Give the absolute address of an upload; only the path where no host is known."""
        base = base_url(
            request.headers,
            peer=request.remote or "",
            scheme=request.scheme,
            trusted=self.options.trusted_proxies,
            public_url=self.options.public_url,
        )
        return f"{base}{FILES}{upload_id}"


CONTEXT: Final = web.AppKey("gate", AppContext)

CUT_SHORT: Final = web.RequestKey("cut_short", bool)
"""Set on a request whose body was not read to its end: its connection is of no more use."""


def upload_id(request: web.Request) -> UploadId:
    """Give the id in the request's address; raises UploadMissing when it cannot be one of ours."""
    text = request.match_info["id"]
    if _ID.fullmatch(text) is None:
        raise UploadMissing("no such upload belongs to this submitter")
    return UploadId(text)


def alive(upload: Upload) -> Upload:
    """Give the upload, unless it was ended; raises UploadGone."""
    if upload.state.ended:
        raise UploadGone(f"the upload was {upload.state}")
    return upload

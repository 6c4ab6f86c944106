"""Puts the gateway together from its parts."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateway import api, files, operating, probes
from gateway.auth import Door
from gateway.gate import GATE, Gate
from gateway.locks import UploadLocks
from gateway.metrics import Metrics
from gateway.middleware import outermost
from gateway.space import Space

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gateway.deps import Deps

SERVER_OPTIONS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "max_line_size": 64 << 10,
        "max_field_size": 64 << 10,  # Upload-Metadata may be long
        "keepalive_timeout": 75.0,  # above the 60 s after which proxies drop an idle connection
        "lingering_time": 3.0,  # for a refusal to cross a bad line before the connection closes
        "auto_decompress": False,  # offsets count the bytes as they are sent
        "access_log": None,
    },
)
"""For `web.AppRunner(app, **SERVER_OPTIONS)`."""


def gateway_app(deps: Deps) -> web.Application:
    """Make the gateway's application."""
    app = web.Application(middlewares=[outermost])
    app[GATE] = Gate(
        deps=deps,
        door=Door(deps.tokens, deps.options.auth),
        locks=UploadLocks(),
        space=Space(deps.store),
        metrics=Metrics(),
    )
    for part in (files, api, operating, probes):
        part.add_routes(app)
    return app

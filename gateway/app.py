"""Puts the gateway together from its parts."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateway.api import health, operate, read
from gateway.context import CONTEXT
from gateway.middleware import outermost
from gateway.transport.connection_limits import WatchedRunner
from gateway.uploads import routes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from gateway.context import AppContext

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
"""What aiohttp's server is told."""


def gateway_app(context: AppContext) -> web.Application:
    """Make the gateway's application."""
    app = web.Application(middlewares=[outermost])
    app[CONTEXT] = context
    app.on_startup.append(lambda _: context.joining.resume_pending())
    app.on_cleanup.append(lambda _: context.joining.stop())
    for part in (routes, read, operate, health):
        part.add_routes(app)
    return app


def gateway_runner(app: web.Application, *, shutdown_timeout: float) -> web.AppRunner:
    """Make what serves the application; seconds to let requests end when it stops."""
    options = {**SERVER_OPTIONS, "shutdown_timeout": shutdown_timeout}
    return WatchedRunner(app, app[CONTEXT].connections, options)

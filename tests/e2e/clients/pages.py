"""The web site whose pages hand files in: an origin of its own, on loopback."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from tests.e2e.clients.fixtures import MODULES, NODE, NODE_IS_HERE, output_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PAGES: Final = NODE / "pages"
BUNDLER: Final = MODULES / ".bin" / "esbuild"


@dataclass(frozen=True, slots=True)
class Site:
    """A running site, and where else it can be reached: another origin to a browser."""

    url: str
    elsewhere: str


@asynccontextmanager
async def pages(root: Path) -> AsyncIterator[Site]:
    """Serve the pages for the block; what must be bundled for them goes to that folder."""
    if NODE_IS_HERE:
        bundle = root / "uppy-page.js"
        entry = str(PAGES / "uppy-page.mjs")
        await output_of(str(BUNDLER), entry, "--bundle", "--log-level=error", f"--outfile={bundle}")
    files = {
        "/tus.js": MODULES / "tus-js-client" / "dist" / "tus.min.js",
        "/uppy-page.js": root / "uppy-page.js",
        **{f"/{one.name}": one for one in PAGES.iterdir()},
    }

    async def serve(request: web.Request) -> web.StreamResponse:
        found = files.get(request.path)
        return web.FileResponse(found) if found else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{name}", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        port = runner.addresses[0][1]
        yield Site(f"http://127.0.0.1:{port}", f"http://localhost:{port}")
    finally:
        await runner.cleanup()

"""A headless Chromium, told over its own DevTools protocol what to do.

The distribution's browser and aiohttp's WebSocket are all there is: a driver package would bring
dependencies and releases of its own, to send the half dozen commands that are needed here.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")

ARGUMENTS: Final = (
    "--headless=new",
    "--no-sandbox",  # it cannot be set up as root; the only pages here are our own
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-gpu",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)

STARTED: Final = 30.0
"""Seconds that a browser may take to start, or to end, on a busy machine."""


class CommandRefusedError(Exception):
    """The browser refused a command, or a script in a page threw."""


class Browser:
    """A running browser."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        """Speak over a WebSocket; whoever makes it runs `listen` beside it."""
        self._socket = socket
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def listen(self) -> None:
        """Take answers until the browser ends; what it tells unasked is let go."""
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            said = message.json()
            if (asked := self._asked.pop(said.get("id", 0), None)) and not asked.done():
                asked.set_result(said)
        for asked in self._asked.values():
            asked.cancel()

    async def do(self, method: str, *, session: str = "", **params: Any) -> dict[str, Any]:
        """Send a command and give its result; raises CommandRefusedError."""
        number = next(self._numbers)
        self._asked[number] = asyncio.get_running_loop().create_future()
        command = {"id": number, "method": method, "params": params}
        await self._socket.send_json({**command, **({"sessionId": session} if session else {})})
        said = await self._asked[number]
        if "error" in said:
            raise CommandRefusedError(said["error"]["message"])
        return dict(said["result"])

    @asynccontextmanager
    async def page(self, url: str) -> AsyncIterator[Page]:
        """Open a page in a profile of its own, as another person's browser would."""
        context = (await self.do("Target.createBrowserContext"))["browserContextId"]
        target = await self.do("Target.createTarget", url=url, browserContextId=context)
        attached = await self.do("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"])
        await page.loaded()
        yield page
        await self.do("Target.disposeBrowserContext", browserContextId=context)


@dataclass(frozen=True, slots=True)
class Page:
    """A page with a file input, and a function `handIn` that hands its file in."""

    browser: Browser
    session: str

    async def run(self, script: str, *, by_value: bool = True) -> Any:
        """Run a script to the end of its promise and give its value."""
        done = await self.browser.do(
            "Runtime.evaluate",
            session=self.session,
            expression=script,
            awaitPromise=True,
            returnByValue=by_value,
        )
        if thrown := done.get("exceptionDetails"):
            raise CommandRefusedError(thrown.get("exception", thrown).get("description", thrown))
        return done["result"].get("value") if by_value else done["result"].get("objectId")

    async def loaded(self) -> None:
        """Wait until the page is there, with its scripts."""
        await until(self._is_loaded, within=STARTED, glance=0.02)

    async def _is_loaded(self) -> bool:
        with suppress(CommandRefusedError):  # it is between two documents
            return bool(await self.run("!window.leaving && 'handIn' in window"))
        return False

    async def reload(self) -> None:
        """Load it anew: what its scripts held is gone, what they stored is not."""
        await self.run("window.leaving = true")
        await self.browser.do("Page.reload", session=self.session)
        await self.loaded()

    async def choose(self, path: Path) -> None:
        """Choose a file, as a person does in the file input."""
        chooser = await self.run("document.querySelector('input[type=file]')", by_value=False)
        await self.browser.do(
            "DOM.setFileInputFiles", session=self.session, objectId=chooser, files=[str(path)]
        )


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Browser]:
    """Run a browser for the block, with its own profile in that folder."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *ARGUMENTS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with ClientSession() as session:
            port, path = await until(lambda: _address(profile), within=STARTED, glance=0.02)
            async with session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as socket:
                browser = Browser(socket)
                listening = asyncio.create_task(browser.listen())
                try:
                    yield browser
                    await browser.do("Browser.close")
                finally:
                    listening.cancel()
        async with asyncio.timeout(STARTED):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _address(profile: Path) -> list[str] | None:
    """Read where the browser listens, once it has written it whole."""
    with suppress(FileNotFoundError):
        lines = (profile / "DevToolsActivePort").read_text().splitlines()
        return lines if len(lines) == 2 else None
    return None

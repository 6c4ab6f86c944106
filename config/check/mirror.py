"""Whether the mirror can receive: its folder, or its Drive and the credentials for it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from config.check.connection import PATIENCE_SECONDS, reach
from config.check.finding import failure, ok, warning
from config.check.machine import existing, is_there
from config.problems import problems_of_destination
from config.wiring.destinations import has_copies, lacking, mirror_of
from titip.delivery import MIRROR
from titip.errors import TitipError
from titip.policies.origins import shown

if TYPE_CHECKING:
    from pathlib import Path

    from config.check.finding import Finding
    from config.settings import Settings

TOPIC: Final = "mirror"
NO_FILE: Final = "put Google's credentials there (docs/drive.md); until then nothing is mirrored"
GOOGLE: Final = "https://www.googleapis.com/"


async def mirror_findings(settings: Settings) -> list[Finding]:
    """Look at the mirror."""
    if settings.mirror.when == "never":
        return [
            warning(TOPIC, 'mirror.when = "never": what is handed in lies on this machine alone')
        ]
    is_new = not is_there(settings.mirror_path) and not has_copies(settings)
    if settings.mirror.kind == "folder" and is_new:
        return [*_place(settings), _future(settings.mirror_path)]
    if settings.mirror.kind == "folder":
        return [*_place(settings), *await _asked(settings)]
    endpoint = settings.mirror.drive.endpoint or GOOGLE
    if lacks := lacking(settings)[MIRROR]:
        reached = await reach("mirror address", "mirror.drive.endpoint", endpoint)
        return [reached, *(failure(TOPIC, one, NO_FILE) for one in lacks)]
    reached, asked = await asyncio.gather(
        reach("mirror address", "mirror.drive.endpoint", endpoint), _asked(settings)
    )
    return [*_place(settings), reached, *asked]


async def _asked(settings: Settings) -> list[Finding]:
    try:
        mirror = mirror_of(settings)
    except ValueError as error:
        return [
            failure(TOPIC, problem, "fix the setting") for problem in problems_of_destination(error)
        ]
    if mirror is None:
        return []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            is_well = await mirror.probe()
    except (TimeoutError, TitipError) as error:
        why = str(error) or f"no answer within {PATIENCE_SECONDS:g} s"
        return [failure(TOPIC, f"it could not be asked: {why}", _fix(settings))]
    except Exception as error:  # noqa: BLE001 - a server may answer anything
        why = f"its answer is not understood ({type(error).__name__})"
        return [failure(TOPIC, f"it could not be asked: {why}", _fix(settings))]
    finally:
        await mirror.close()
    if is_well is False:
        return [failure(TOPIC, f"{_named(settings)} is not healthy", _fix(settings))]
    return [ok(TOPIC, f"{_named(settings)} can receive")]


def _future(path: Path) -> Finding:
    """Look at a folder that is still to be made, without making it."""
    there = existing(path)
    if not there.is_dir():
        return failure(TOPIC, f"{there} is a file", "name a folder in mirror.path")
    if os.access(there, os.W_OK | os.X_OK):
        return ok(TOPIC, f"{path} will be made in {there}")
    return failure(
        TOPIC, f"{path} cannot be made in {there}", "make it, and give it to this account"
    )


def _named(settings: Settings) -> str:
    if settings.mirror.kind == "folder":
        return str(settings.mirror_path)
    endpoint = settings.mirror.drive.endpoint
    return shown(endpoint) if endpoint else "Google Drive"


def _fix(settings: Settings) -> str:
    if settings.mirror.kind == "folder":
        return "is it mounted, writable for this account, and not full? (mirror.path)"
    return "is the network up, and do the credentials still hold? (mirror.drive.credentials)"


def _place(settings: Settings) -> list[Finding]:
    if settings.mirror.kind == "folder":
        same = existing(settings.mirror_path).stat().st_dev
        if same != existing(settings.storage.path).stat().st_dev:
            return []
        text = f"{settings.mirror_path} is on the same disk as the data: both go together"
        return [
            warning(TOPIC, text, "name a folder of another disk in mirror.path, or use a Drive")
        ]
    path = settings.mirror.drive.credentials
    try:
        mode = path.stat().st_mode
    except OSError:
        return []
    if mode & 0o077:
        return [warning(TOPIC, f"others may read the credentials in {path}", f"chmod 600 {path}")]
    return []

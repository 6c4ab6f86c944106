"""What must not lead back to Titip itself: a registry's address, and the mirror's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from titip.origins import AddressError, origin, same_origin

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to know it, not to listen
_THIS_MACHINE: Final = frozenset(_EVERYWHERE.values())

_OWN: Final = ("spool", "quarantine", "restoring", "ballast", "gateway.lock", "sync.lock")
_JOURNAL: Final = "journal.db"


def leads_here(url: str, *, listen: str, public_url: str) -> bool:
    """Tell whether a request to this address comes in at this very gateway.

    Another program may answer at other addresses of this machine, or behind the same proxy.
    """
    host, _, port = listen.rpartition(":")
    bare = host.strip("[]")
    try:
        there = origin(url)
        here = origin(f"http://[{bare}]:{port}/" if ":" in bare else f"http://{bare}:{port}/")
    except AddressError:  # port 0: only the system knows which
        return _is_public(url, public_url)
    comes_in = there.port == here.port and _is_one_host(there.host, here.host)
    return comes_in or _is_public(url, public_url)


def _is_public(url: str, public_url: str) -> bool:
    files = f"{urlsplit(public_url).path.rstrip('/')}/files"
    is_files = f"{urlsplit(url).path}/".startswith(f"{files}/")
    return bool(public_url) and is_files and same_origin(url, public_url)


def _is_one_host(asked: str, listening: str) -> bool:
    asked = _EVERYWHERE.get(asked, asked)
    if asked == _EVERYWHERE.get(listening, listening):
        return True
    names = {asked, _EVERYWHERE.get(listening, listening)}
    return "localhost" in names and names - {"localhost"} <= _THIS_MACHINE


def own_place(path: Path, *, data: Path) -> str:
    """Name what is ours of what a path is, holds or lies in; "" for nothing of it.

    A folder of a submitter may have any name, that of one of our files too.
    """
    way = Path(os.path.relpath(path.absolute(), data.absolute())).parts
    if set(way) <= {os.pardir}:
        return data.name
    inside = way[:1]
    ours = [name for name in inside if name in _OWN or name.startswith(_JOURNAL)]
    return ours[0] if ours else ""

"""Make a data folder with an older build.

`TITIP_TREE=TREE python -m tests.upgrade.make_folder OUT`: TREE is a checkout of that build with a
`.venv` of its own. OUT receives the data folder with deliveries in many states, a backup of it,
what `titip push` remembered, and `ids.json` with the upload that each name stands for.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tarfile
import tempfile
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Final

from cli.demo.processes import Program
from tests.blackbox.hostile_server import Asked, Say
from tests.blackbox.program import TITIP, TREE
from tests.blackbox.scene import Scene, a_scene, named
from tests.fault_proxy import Through, fault_proxy
from tests.waiting import until

ANSWERS: Final = {
    "delivered": Say(201, {"id": "SILON-1"}),
    "parked": Say(422, {"error": "no such form"}),
    "put-off": Say(408),
    "verify": Say(raw=b""),
    "active": Say(raw=b""),
    "damaged": Say(201, {"id": "SILON-2"}),
}
SETTINGS: Final = """lookup = "REGISTRY/look/{filename}"
[mirror]
when = "always"
"""
PARTS: Final = ("ids.json", "data", "backup")
SLOW: Final = 200_000
LARGE: Final = 1 << 20
LATER: Final = {
    "TITIP__RETRY__FLOOR": "1h",
    "TITIP__RETRY__CEILING": "1h",
    "TITIP__STORAGE__KEEP_AFTER_DELIVERY": "30d",
}


def script(asked: Asked) -> Say:
    """Answer each file as it is called; no look-up tells anything."""
    return Say(503) if asked.method == "GET" else ANSWERS.get(named(asked), Say(201, {"id": "X"}))


def main(out: Path) -> None:
    """Make the folder and pack it."""
    with (
        tempfile.TemporaryDirectory(prefix="titip-") as name,
        a_scene(Path(name), script, settings=SETTINGS, **LATER) as scene,
    ):
        fill(scene)
        root = Path(name)
        (root / "ids.json").write_text(json.dumps(scene.ids), "utf-8")
        with tarfile.open(out, "w:xz") as archive:
            for part in [root / name for name in PARTS] + list(root.glob("push.sqlite3*")):
                archive.add(part, part.name, filter=_of_nobody)


def fill(scene: Scene) -> None:
    """Bring every kind of row about, by what a person or a sender does."""
    served = scene.served
    scene.hand_in("delivered", "parked")
    for name, state in (("delivered", "delivered"), ("parked", "parked")):
        served.until(scene.ids[name], state)
    scene.hand_in("verify")
    served.until(scene.ids["verify"], "verify")
    scene.hand_in("put-off")
    served.until(scene.ids["put-off"], "deferred", "verify")  # later versions doubt it
    served.run("backup", str(served.root / "backup"))
    _damage(scene)
    served.run("pause", "registry")
    scene.hand_in("queued")
    served.until(scene.ids["queued"], "delivered", to="mirror")
    scene.ids["open"] = _begin(served.url, b"half of it", length=20)
    scene.ids["partial"] = _begin(served.url, b"a part", length=6, concat="partial")
    served.run("hold", "pair-1", "--reason", "dispute")
    token = served.run("token", "create", "--role", "lo", "--submitter", "pair-2").stdout
    assert token
    asyncio.run(_push(scene))
    assert served.stop() == 0


def _damage(scene: Scene) -> None:
    served = scene.served
    served.run("pause", "registry")
    scene.hand_in("damaged")
    upload = scene.ids["damaged"]
    served.until(upload, "delivered", to="mirror")
    (spooled,) = (served.root / "data" / "spool").rglob(f"{upload}*")
    spooled.write_bytes(spooled.read_bytes()[:-1] + b"!")
    served.run("resume", "registry")
    served.until(upload, "parked")


def _begin(url: str, data: bytes, *, length: int, concat: str = "") -> str:
    headers = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{url}/files",
        data=data,
        method="POST",
        headers={
            **headers,
            "Upload-Length": str(length),
            **({"Upload-Concat": concat} if concat else {}),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own server
        return str(answer.headers["Location"]).rstrip("/").rpartition("/")[2]


async def _push(scene: Scene) -> None:
    """Hand one file in by `titip push`, then once more, and end that in its midst."""
    served = scene.served
    store = served.root / "push.sqlite3"
    paper = served.root / "ktp-0001.pdf"
    paper.write_bytes(b"%PDF-1.7 " * (LARGE // 9))
    port = int(served.url.rpartition(":")[2])
    async with fault_proxy(port) as line:
        words = ("push", str(paper), "--to", line.url, "--state", str(store))
        await asyncio.to_thread(served.run, *words)
        line.plan(*[Through(rate=SLOW)] * 50)
        again = Program([*TITIP, *words, "--again"], name="push", folder=TREE)
        await until(lambda: _has_nonce(store), within=30)
        again.kill()


def _has_nonce(store: Path) -> bool:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        return bool(db.execute("SELECT count(*) FROM again").fetchone()[0])


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(Path(sys.argv[1]))

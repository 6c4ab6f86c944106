"""A folder that an older version made is opened, kept as it was beside itself, and served.

`schema-1.tar.xz` was made by d398a37, `schema-2.tar.xz` by df6598e; see `make_folder.py`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import tarfile
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from client.plan import Item
from client.transfer.resume_store import RecordKey, RecordState, ResumeStore
from storage.journal.migrate import SCHEMAS
from tests.blackbox.hostile_server import Say
from tests.blackbox.program import titip
from tests.blackbox.scene import QUICK, a_scene, data_of, digest_of, named

pytestmark = pytest.mark.e2e

ARCHIVES = sorted(Path(__file__).parent.glob("schema-*.tar.xz"))
LATER = {"TITIP__STORAGE__KEEP_AFTER_DELIVERY": "30d"}
SETTINGS = {**QUICK, **LATER}
IN_DOUBT = {1: {"verify"}, 2: {"verify", "put-off", "parked"}}
STATES = {
    "delivered": "delivered",
    "parked": "parked",
    "verify": "verify",
    "damaged": "parked",
    "queued": "queued",
}
BOTH_HALVES = hashlib.sha256(b"half of itthe others").hexdigest()
LOOKUP = 'lookup = "REGISTRY/look/{filename}"\nlookup_sha256 = "/sha256"\n'


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.partition(".")[0])
def older(request, tmp_path):
    """A folder as its version left it: the version, and what each name stands for."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    version = int(request.param.name.removeprefix("schema-").partition(".")[0])
    return version, json.loads((tmp_path / "ids.json").read_text("utf-8"))


def a_registry():
    """Answer as one that got the file whose answer was lost, and not the ones after it."""
    held = {"verify"}

    def answer(asked):
        name = named(asked)
        if asked.method == "GET":
            sha256 = digest_of(name) if name in {*STATES, "put-off"} else BOTH_HALVES
            return Say(200, {"sha256": sha256}) if name in held else Say(404)
        held.add(name)
        return Say(201, {"id": f"SILON-{name}"})

    return answer


def head(url: str) -> dict[str, str]:
    request = urllib.request.Request(url, method="HEAD", headers={"Tus-Resumable": "1.0.0"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return dict(answer.headers)


def patch(url: str, data: bytes, *, offset: int) -> None:
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    request = urllib.request.Request(url, data=data, method="PATCH", headers=headers)  # noqa: S310
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def content(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
        return bytes(answer.read())


def version_of(journal: Path) -> int:
    with closing(sqlite3.connect(journal)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_it_is_kept_as_it_was_and_every_row_means_what_it_meant(older, tmp_path):
    version, ids = older
    with titip(tmp_path, start=False, **SETTINGS) as served:
        rows: dict[str, Any] = {
            row["id"]: row for row in served.read("deliveries", "--limit", "100")["deliveries"]
        }
        uploads = {row["id"]: row for row in served.read("uploads", "--limit", "100")["uploads"]}
        held = served.run("hold", "--list").stdout
        tokens = served.run("token", "list").stdout

    journal = tmp_path / "data" / "journal.db"
    assert version_of(journal) == len(SCHEMAS)
    assert version_of(journal.with_name(f"journal.db.before-{len(SCHEMAS)}")) == version
    at_registry = {name: rows[f"{ids[name]}.registry"] for name in STATES}
    assert {name: row["state"] for name, row in at_registry.items()} == STATES
    assert all(rows[f"{ids[name]}.mirror"]["state"] == "delivered" for name in STATES)
    put_off = rows[f"{ids['put-off']}.registry"]
    doubted = {
        name for name, row in {**at_registry, "put-off": put_off}.items() if row["maybe_delivered"]
    }
    assert doubted == IN_DOUBT[version]
    assert at_registry["damaged"]["reason"].startswith("damaged: ")
    assert at_registry["delivered"]["evidence"] == "reference"
    assert uploads[ids["damaged"]]["damaged_at"]
    assert uploads[ids["open"]]["offset"] == 10
    assert "dispute" in held
    assert "pair-2" in tokens


def test_it_is_served_and_everything_arrives_once(older, tmp_path):
    _, ids = older
    with a_scene(tmp_path, a_registry(), settings=LOOKUP, **LATER) as scene:
        scene.ids.update({name: ids[name] for name in (*STATES, "put-off")})
        served = scene.served
        files = f"{served.url}/files"
        assert head(f"{files}/{ids['open']}")["Upload-Offset"] == "10"
        patch(f"{files}/{ids['open']}", b"the others", offset=10)
        scene.ids["open"] = ids["open"]
        served.run("repair", "--all")
        served.run("resume", "registry")
        served.run("resync", f"{ids['parked']}.registry")
        for name in ("verify", "put-off"):  # unless it is under way already
            served.run("resync", f"{ids[name]}.registry", check=False)
        scene.settled("verify", "put-off", "queued", "parked", "damaged", "open")
        rows = scene.rows()
        whole = {name: content(f"{files}/{ids[name]}") for name in STATES}
        receipt = served.run("receipt", ids["delivered"]).stdout

    assert {name: row["state"] for name, row in rows.items()} == dict.fromkeys(rows, "delivered")
    assert whole == {name: data_of(name) for name in STATES}
    assert digest_of("delivered") in receipt
    sent = {name: scene.sent(name) for name in (*STATES, "put-off")}
    assert sent == {**dict.fromkeys(sent, 1), "delivered": 0, "verify": 0}


def test_its_backup_is_restored_by_this_version(older, tmp_path):
    version, ids = older
    backup, moved = tmp_path / "backup", tmp_path / "moved"
    assert version_of(backup / "journal.db") == version
    moved.mkdir()
    with titip(moved, start=False, **SETTINGS) as served:
        served.run("restore", str(backup))
        rows = {row["id"]: row for row in served.read("deliveries")["deliveries"]}

    assert rows[f"{ids['delivered']}.registry"]["state"] == "delivered"
    owed = [row for row in rows.values() if row["state"] not in {"delivered", "skipped"}]
    assert owed
    assert all(row["maybe_delivered"] for row in owed)
    assert version_of(backup / "journal.db") == version


def test_its_client_store_still_tells_what_was_proven_and_what_is_resubmitted(older, tmp_path):
    path = tmp_path / "push.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        kept = db.execute("SELECT server, identity, path, size, mtime_ns, sha256 FROM handin")
        server, identity, name, size, mtime_ns, sha256 = kept.fetchone()
        (nonce,) = db.execute("SELECT * FROM again").fetchone()[-1:]
    item = Item(Path(name.decode()), "ktp-0001.pdf", size, mtime_ns)
    key = RecordKey(server=server, identity=identity, item=item, sha256=sha256)
    store = ResumeStore.open(path)
    try:
        found = store.find(key)
        assert found is not None
        assert found.state is RecordState.PROVEN
        assert found.upload
        assert store.digest_of(item) is not None
        assert store.nonce_of(key) == nonce
    finally:
        store.close()

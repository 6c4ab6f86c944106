"""What an answer proves, seen from outside: whole `titip serve` processes, each with many files.

Each file's name says which answer it gets, so that one process serves many samples.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import threading
import time
import urllib.request
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.blackbox.hostile_server import Asked, HostileServer, Say, hostile_server
from tests.blackbox.program import TREE, Titip, titip
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

QUICK = {
    "TITIP__HEALTH__SLOW_AFTER": "1s",
    "TITIP__HEALTH__COOL_OFF": "100ms",
    "TITIP__HEALTH__COOL_OFF_CEILING": "300ms",
    "TITIP__RETRY__FLOOR": "300ms",
    "TITIP__RETRY__CEILING": "1s",
    "TITIP__STORAGE__KEEP_AFTER_DELIVERY": "3s",
    "TITIP__MIRROR__AFTER": "500ms",
}
LARGE = 24 << 20
GLANCE = 0.05
ENDED = {"delivered", "parked", "skipped"}
LOOKUP = 'lookup = "REGISTRY/look/{filename}"\n'
SIGN_IN = Say(200, "<!doctype html><title>Sign in</title>")


def data_of(name: str) -> bytes:
    """Give the bytes of a file: large where an answer must come before its end."""
    return name.encode() * (LARGE // len(name) if name.startswith("early") else 100)


def digest_of(name: str) -> str:
    return hashlib.sha256(data_of(name)).hexdigest()


@dataclass
class Scene:
    """Files that were handed in by name, and what the registry was asked about each."""

    served: Titip
    registry: HostileServer
    ids: dict[str, str] = field(default_factory=dict)

    def hand_in(self, *names: str) -> None:
        for name in names:
            self.ids[name] = self.served.hand_in(data_of(name), name)

    def row(self, name: str) -> dict[str, Any]:
        return self.rows()[name]

    def rows(self, to: str = "registry") -> dict[str, dict[str, Any]]:
        url = f"{self.served.url}/api/deliveries?limit=1000&destination={to}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server
            by_id = {row["upload"]: row for row in json.load(answer)["deliveries"]}
        return {name: by_id[which] for name, which in self.ids.items()}

    def sent(self, name: str) -> int:
        return asked_for(self.registry, "POST", name)

    def settled(self, *names: str, within: float = 40) -> None:
        """Wait until these have ended, one way or the other, or the time is over."""

        def ended() -> bool:
            assert self.served.alive, self.served.logged[-3000:]
            time.sleep(GLANCE)
            rows = self.rows()
            return all(rows[name]["state"] in ENDED for name in names)

        with suppress(TimeoutError):
            wait_for(ended, within=within)


def asked_for(registry: HostileServer, method: str, name: str) -> int:
    return sum(one.method == method and named(one) == name for one in list(registry.asked))


def named(asked: Asked) -> str:
    return asked.path.rpartition("/")[2]


@contextmanager
def a_scene(root, script, *, early=None, settings="", **variables):
    with hostile_server(script, early=early) as registry:
        table = f'[registry]\nkind = "http"\nurl = "{registry.url}/intake/{{filename}}"\n'
        settings = table + settings.replace("REGISTRY", registry.url)
        with titip(root, settings, **{**QUICK, **variables}) as served:
            yield Scene(served, registry)


# --------------------------------------------------------------------- a registry with defaults

FIRST: dict[str, Say] = {
    "page": SIGN_IN,
    "failure": Say(200, {"success": False}),
    "closed": Say(409, {"message": "the intake is closed"}),
    "processing": Say(409, {"title": "still being processed"}),
    "lost-408": Say(408),
    "lost-503": Say(503, {"error": "busy"}),
    "lost-520": Say(520, "<html>unknown error"),
    "lost-524": Say(524, "<html>a timeout occurred"),
    "later": Say(422, {"error": "not yet"}, headers={"Retry-After": "3600"}),
    "surrogate": Say(201, rb'{"id": "SILON-\ud83d"}', {"Content-Type": "application/json"}),
    "good": Say(201, {"id": "SILON-1"}),
    "good-too": Say(201, {"id": "SILON-2"}),
}
UNPROVEN = ("page", "failure", "closed", "processing")
LOST = ("lost-408", "lost-503", "lost-520", "lost-524")


def hold(sock, over):
    over.wait(2)


def early(asked):
    """Say yes at once to some, and read nothing of them any more."""
    if not named(asked).startswith("early"):
        return None
    return Say(201, b'{"id": "EARLY"}', {"Content-Length": "15"}, drip=hold)


def first_then_good(asked):
    return FIRST.get(named(asked), Say(201, {"id": "SILON-3"}))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A registry with default settings: no look-up."""
    with a_scene(tmp_path_factory.mktemp("plain"), first_then_good, early=early) as scene:
        scene.hand_in("later", "good", "good-too", *UNPROVEN, *LOST, "surrogate", "early")
        scene.settled("good", "good-too", *UNPROVEN, *LOST, "surrogate", "early", within=30)
        yield scene


@pytest.mark.parametrize("name", UNPROVEN)
def test_a_yes_or_a_conflict_without_a_reference_is_no_delivery(plain, name):
    row = plain.row(name)

    assert (row["state"], plain.sent(name)) == ("parked", 1)


@pytest.mark.parametrize("name", LOST)
def test_an_answer_that_tells_nothing_after_the_body_makes_no_second_copy(plain, name):
    assert plain.sent(name) == 1
    assert plain.row(name)["state"] == "parked"


def test_a_yes_before_the_whole_file_has_left_is_no_delivery_and_is_not_repeated(plain):
    assert plain.row("early")["state"] == "parked"
    assert plain.sent("early") == 1


def test_half_an_emoji_in_a_reference_is_a_delivery_and_is_sent_once(plain):
    row = plain.row("surrogate")

    assert (row["state"], row["locator"]) == ("delivered", "SILON-?")
    assert plain.sent("surrogate") == 1


def test_a_file_that_may_come_again_in_an_hour_rests_no_other(plain):
    assert plain.row("good")["state"] == "delivered"
    assert plain.row("good-too")["state"] == "delivered"
    assert plain.row("later")["state"] in {"deferred", "parked"}


def test_what_nothing_shows_to_be_there_is_mirrored_and_its_bytes_stay(plain):
    served = plain.served

    def mirrored() -> bool:
        rows = plain.rows("mirror")
        return {rows[name]["state"] for name in UNPROVEN} == {"delivered"}

    wait_for(mirrored, within=20)
    kept_until = time.monotonic() + 3.5
    wait_for(lambda: time.monotonic() > kept_until)
    served.stop()
    served.start()

    good = plain.ids["good"]
    wait_for(lambda: served.status(f"/files/{good}") == 410, within=20)
    told = {name: served.status(f"/files/{plain.ids[name]}") for name in (*UNPROVEN, *LOST)}
    assert set(told.values()) == {200}, told


# --------------------------------------------------- a registry with a look-up and its digests

HANDED_IN: dict[str, Say] = {
    "accepted-202": Say(202, {"status": "queued"}),
    "accepted-204": Say(204),
    "moved-303": Say(303, headers={"Location": "/done"}),
    "asked-408": Say(408),
    "asked-409": Say(409, {"title": "still being processed"}),
    "asked-503": Say(503, {"error": "busy"}),
    "asked-520": Say(520),
    "asked-524": Say(524),
}
SPELT: dict[str, Callable[[str], object]] = {
    "spelt-plain": lambda sha256: sha256,
    "spelt-label": lambda sha256: f"sha256:{sha256.upper()}",
    "spelt-base64": lambda sha256: base64.b64encode(bytes.fromhex(sha256)).decode(),
    "spelt-field": lambda sha256: "sha-256=:" + base64.b64encode(bytes.fromhex(sha256)).decode(),
}
NO_DIGEST: dict[str, dict[str, Any]] = {
    "digest-null": {"sha256": None},
    "digest-absent": {},
    "digest-list": {"sha256": ["0" * 64]},
    "digest-number": {"sha256": 12345},
}


@dataclass
class Digested:
    """A registry that stores at once and tells digests its own way."""

    stored: dict[str, int] = field(default_factory=partial(defaultdict, int))

    def __call__(self, asked):
        name = named(asked)
        if asked.method == "POST":
            self.stored[name] += 1
            return HANDED_IN.get(name, Say(201, {"id": f"SILON-{name}"}))
        if not self.stored[name]:
            return Say(404)
        spell = SPELT.get(name, SPELT["spelt-plain"])
        shown = NO_DIGEST.get(name, {"sha256": spell(digest_of(name))})
        return Say(200, {"id": f"SILON-{name}", **shown})


@pytest.fixture(scope="module")
def digested(tmp_path_factory):
    settings = LOOKUP + 'lookup_sha256 = "/sha256"\n'
    with a_scene(tmp_path_factory.mktemp("digested"), Digested(), settings=settings) as scene:
        scene.hand_in(*HANDED_IN, *SPELT, *NO_DIGEST)
        scene.settled(*HANDED_IN, *SPELT, within=40)
        yield scene


@pytest.mark.parametrize("name", HANDED_IN)
def test_whatever_is_answered_after_storing_it_is_looked_up_and_written_once(digested, name):
    assert digested.sent(name) == 1
    row = digested.row(name)
    assert (row["state"], row["evidence"]) == ("delivered", "digest")
    assert asked_for(digested.registry, "GET", name) >= 1


@pytest.mark.parametrize("name", SPELT)
def test_a_digest_is_read_however_it_is_written(digested, name):
    row = digested.row(name)

    assert (row["state"], row["reason"]) == ("delivered", "")


@pytest.mark.parametrize("name", NO_DIGEST)
def test_a_look_up_that_shows_no_digest_proves_nothing(digested, name):
    assert digested.row(name)["state"] != "delivered"
    assert digested.sent(name) == 1


# ------------------------------------------------------------------- a look-up that is a search


@dataclass
class Search:
    """A registry that loses the first answers and stores nothing then; `[]` is not there."""

    sent: dict[str, int] = field(default_factory=partial(defaultdict, int))

    def __call__(self, asked):
        name = named(asked)
        if asked.method == "GET":
            return Say(200, [{"id": "SILON-9"}] if self.sent[name] > 1 else [])
        self.sent[name] += 1
        return Say(504) if self.sent[name] == 1 else Say(201, {"id": "SILON-9"})


def test_an_empty_search_is_not_found_though_nobody_said_how_absence_looks(tmp_path):
    with a_scene(tmp_path, Search(), settings=LOOKUP) as scene:
        scene.hand_in("searched")
        wait_for(lambda: asked_for(scene.registry, "GET", "searched") >= 2, within=20)

        assert scene.row("searched")["state"] != "delivered"
        assert scene.sent("searched") == 1


def test_an_empty_search_is_absence_where_the_settings_say_so(tmp_path):
    settings = LOOKUP + 'lookup_absent = "[]"\nreference = "/id"\n'
    with a_scene(tmp_path, Search(), settings=settings) as scene:
        scene.hand_in("searched")
        scene.settled("searched")

        row = scene.row("searched")
        assert (row["state"], row["locator"]) == ("delivered", "SILON-9")
        assert scene.sent("searched") == 2


# ------------------------------------------------------------------------------------ the brake

BATCH = tuple(f"batch-{number}" for number in range(60))


@pytest.fixture(scope="module")
def braked(tmp_path_factory):
    """A batch of one submitter, refused alike; it waits a minute while other tests run."""
    takes = threading.Event()

    stored: set[str] = set()

    def script(asked):
        name = named(asked)
        if asked.method == "POST" and takes.is_set():
            stored.add(name)
        if name in stored:
            return Say(200, {"id": f"SILON-{name}"})
        return Say(404) if asked.method == "GET" else Say(422, {"message": "no such form: F1"})

    with a_scene(tmp_path_factory.mktemp("braked"), script, settings=LOOKUP) as scene:
        scene.hand_in(*BATCH)

        def refused() -> bool:
            assert scene.served.alive
            time.sleep(GLANCE)
            return [row["state"] for row in scene.rows().values()].count("parked") >= 20

        wait_for(refused, within=40)
        tries = [scene.registry.count("POST")]
        quiet_until = time.monotonic() + 3
        wait_for(lambda: time.monotonic() > quiet_until)
        tries.append(scene.registry.count("POST"))
        states = [row["state"] for row in scene.rows().values()]
        takes.set()
        yield scene, tries, states


@pytest.fixture(scope="module", autouse=True)
def _waiting_meanwhile(braked):
    """Begin with what takes longest."""


def test_a_batch_that_is_refused_alike_is_braked_and_most_of_it_waits(braked):
    _, tries, states = braked

    assert states.count("parked") < 30, f"{states.count('parked')} of 60 are parked"
    assert tries[1] < 30


# -------------------------------------------------------------------------------- an upgrade


def to_first_version(journal, schema):
    """Make a journal what the first version of it was, with the rows that it has."""
    old = journal.with_suffix(".old")
    db = sqlite3.connect(old)
    db.executescript(schema.read_text("utf-8"))
    db.execute("PRAGMA user_version = 1")
    db.execute("ATTACH ? AS now", (str(journal),))
    for (table,) in list(db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'")):
        names = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
        db.execute(f"INSERT OR REPLACE INTO main.{table} ({names}) SELECT {names} FROM now.{table}")  # noqa: S608 - names out of the schema
    db.execute("UPDATE main.deliveries SET locator = '' WHERE destination = 'registry'")
    db.commit()
    db.close()
    for path in journal.parent.glob("journal.db*"):
        path.unlink()
    old.rename(journal)


def test_an_upgrade_tells_which_deliveries_nothing_shows_and_keeps_their_bytes(tmp_path):
    never = {"TITIP__MIRROR__WHEN": "never"}
    with a_scene(tmp_path, lambda asked: Say(201, {"id": "SILON-1"}), **never) as scene:
        scene.hand_in("one", "two", "three")
        scene.settled("one", "two", "three")
        scene.served.stop()
        to_first_version(tmp_path / "data" / "journal.db", TREE / "storage" / "schema.sql")

        said = " ".join(scene.served.run("status").stdout.split())
        said_at = time.monotonic()
        wait_for(lambda: time.monotonic() > said_at + 3)
        scene.served.start()

        assert "3 deliveries to the registry have no evidence" in said, said
        assert scene.served.status(f"/files/{scene.ids['one']}") == 200


def test_a_braked_batch_goes_when_the_registry_takes_files_again(braked):
    scene, _, _ = braked

    def delivered() -> bool:
        assert scene.served.alive
        time.sleep(GLANCE)
        return all(row["state"] == "delivered" for row in scene.rows().values())

    wait_for(delivered, within=100)
    assert len({row["locator"] for row in scene.rows().values()}) == len(BATCH)

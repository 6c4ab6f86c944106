"""What an answer proves, seen from outside: whole `titip serve` processes, each with many files.

Each file's name says which answer it gets, so that one process serves many samples.
"""

from __future__ import annotations

import base64
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.blackbox.hostile_server import Say
from tests.blackbox.scene import GLANCE, LOOKUP, a_scene, asked_for, digest_of, named
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

SIGN_IN = Say(200, "<!doctype html><title>Sign in</title>")

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
        first = ("good", *UNPROVEN, *LOST, "surrogate", "early")
        scene.hand_in(*first)
        scene.settled(*first, within=20)
        scene.hand_in("later")
        wait_for(lambda: scene.sent("later"), within=20)
        scene.hand_in("good-too")
        scene.settled("good-too", within=10)
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
        scene.settled("searched", within=6)

        assert asked_for(scene.registry, "GET", "searched") >= 2
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


def test_a_braked_batch_goes_when_the_registry_takes_files_again(braked):
    scene, _, _ = braked

    def delivered() -> bool:
        assert scene.served.alive
        time.sleep(GLANCE)
        return all(row["state"] == "delivered" for row in scene.rows().values())

    wait_for(delivered, within=100)
    assert len({row["locator"] for row in scene.rows().values()}) == len(BATCH)

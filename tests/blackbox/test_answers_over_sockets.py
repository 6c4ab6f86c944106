"""Any answer at any moment, over real sockets: seeded files, each with a life of its own.

The seams of the registries are looked at with thousands of examples in process
(tests/seams/test_registry_seam.py); here some are replayed against a whole `titip serve`.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.blackbox.hostile_server import hostile_server
from tests.blackbox.odd_registries import OddRegistry, OddTusRegistry, data_of
from tests.blackbox.program import Titip, titip
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

EXAMPLES = int(os.environ.get("TITIP_EXAMPLES", "30"))
ODD_FOR = 8.0
"""Seconds that the registry is odd, at most."""
GLANCE = 0.1
QUICK: Final[dict[str, Any]] = {
    "TITIP__HEALTH__SLOW_AFTER": "500ms",
    "TITIP__HEALTH__COOL_OFF": "50ms",
    "TITIP__HEALTH__COOL_OFF_CEILING": "100ms",
    "TITIP__RETRY__FLOOR": "100ms",
    "TITIP__RETRY__CEILING": "300ms",
}
ENDED = {"delivered", "parked"}


@pytest.fixture
def seed():
    drawn = os.environ.get("TITIP_SEED") or str(SystemRandom().randrange(1 << 32))
    print(f"TITIP_SEED={drawn}")  # noqa: T201 - to have it again
    return drawn


def rows_of(served: Titip) -> dict[str, dict[str, Any]]:
    url = f"{served.url}/api/deliveries?limit=1000&destination=registry"
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server
        return {row["upload"]: row for row in json.load(answer)["deliveries"]}


def resync(served: Titip, which: str) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{served.url}/api/resync", data=json.dumps({which: True}).encode(), method="POST"
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310 - our own server


@contextmanager
def intake_tried(served: Titip) -> Iterator[list[str]]:
    """Hand files in all the while; give what went wrong with that."""
    over, wrong = threading.Event(), list[str]()

    def hand_in() -> None:
        number = 0
        while not over.wait(0.4):
            number += 1
            try:
                served.hand_in(b"calm" * number, f"calm-{number}")
                told = served.status("/readyz")
            except OSError as error:
                told = str(error)  # type: ignore[assignment]
            if told != 200:
                wrong.append(f"after {number}: {told}")

    trying = threading.Thread(target=hand_in)
    trying.start()
    try:
        yield wrong
    finally:
        over.set()
        trying.join(60)


def lived(served: Titip, seed: str, healed: threading.Event, *, settle: bool) -> dict[str, str]:
    """Hand the odd files in, let them live, then heal the registry; give their ids by name."""
    names = [f"odd-{number}" for number in range(EXAMPLES)]
    with intake_tried(served) as wrong:
        ids = {name: served.hand_in(data_of(seed, name), name) for name in names}
        until(served, ids, ENDED, within=ODD_FOR)
        resync(served, "parked")
        until(served, ids, ENDED, within=ODD_FOR / 4)
        healed.set()
        resync(served, "all")
        until(served, ids, {"delivered"} if settle else ENDED, within=40, again=settle)
    assert served.alive, served.logged[-3000:]
    assert wrong == []
    return ids


def until(served, ids, states, *, within, again=False):
    looked = time.monotonic()

    def there() -> bool:
        nonlocal looked
        assert served.alive, served.logged[-3000:]
        time.sleep(GLANCE)
        if again and time.monotonic() > looked + 2:
            looked = time.monotonic()
            resync(served, "all")
        rows = rows_of(served)
        return all(rows[which]["state"] in states for which in ids.values())

    with suppress(TimeoutError):
        wait_for(there, within=within)


def settings_of(url: str, *lines: str, kind: str = "http") -> str:
    place = f"{url}/files/" if kind == "tus" else f"{url}/intake/{{filename}}"
    table = ["[registry]", f'kind = "{kind}"', f'url = "{place}"', *lines]
    return "\n".join([*table, "[mirror]", 'when = "never"']) + "\n"


def sent_blind(events: list[str]) -> int:
    """Count the times that a file left whole while an earlier time was not looked up."""
    blind, open_ = 0, False
    for event in events:
        blind += event == "whole" and open_
        open_ = event == "whole" or (open_ and event != "absent")
    return blind


def test_a_registry_with_a_look_up_gets_each_file_once_and_all_come_home(tmp_path, seed):
    odd = OddRegistry(seed)
    with hostile_server(odd, early=odd.early) as registry:
        lines = 'body = "raw"', f'lookup = "{registry.url}/look/{{filename}}"'
        table = settings_of(registry.url, *lines, 'lookup_sha256 = "/sha256"')
        with titip(tmp_path, table, **QUICK) as served:
            ids = lived(served, seed, odd.healed, settle=True)
            rows = rows_of(served)

    for name, which in ids.items():
        told = f"seed {seed}: {name}: {rows[which]} after {odd.events[name]}"
        assert odd.stored(name) == 1, told
        assert sent_blind(odd.events[name]) == 0, told
        assert (rows[which]["state"], rows[which]["evidence"]) == ("delivered", "digest"), told


def test_a_registry_that_cannot_be_asked_gets_each_file_once_or_a_person_looks(tmp_path, seed):
    odd = OddRegistry(seed)
    with (
        hostile_server(odd, early=odd.early) as registry,
        titip(tmp_path, settings_of(registry.url, 'body = "raw"'), **QUICK) as served,
    ):
        ids = lived(served, seed, odd.healed, settle=False)
        rows = rows_of(served)

    for name, which in ids.items():
        row = rows[which]
        told = f"seed {seed}: {name}: {row} after {odd.events[name]}"
        assert odd.events[name].count("whole") <= 1, told
        assert row["state"] in ENDED, told
        if row["state"] == "delivered":
            assert row["evidence"] == "reference", told
            assert row["locator"] in odd.references[name], told


def test_a_tus_registry_gets_each_file_once_and_what_is_delivered_is_there(tmp_path, seed):
    odd = OddTusRegistry(seed)
    with (
        hostile_server(odd, early=odd.early) as registry,
        titip(tmp_path, settings_of(registry.url, kind="tus"), **QUICK) as served,
    ):
        ids = lived(served, seed, odd.healed, settle=False)
        rows = rows_of(served)

    for name, which in ids.items():
        row = rows[which]
        told = f"seed {seed}: {name}: {row}, complete there: {odd.whole(name)}"
        assert len(odd.whole(name)) <= 1, told
        assert row["state"] in ENDED, told
        if row["state"] == "delivered":
            assert row["evidence"] == "reference", told
            assert [row["locator"]] == [registry.url + path for path in odd.whole(name)], told

"""A look-up that fails for one file is that file's trouble, whatever it answers and asks for."""

from __future__ import annotations

import pytest

from tests.blackbox.hostile_server import CUT, Say
from tests.blackbox.scene import LOOKUP, a_scene, named
from titip.delivery import DeliveryState

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

REST_ASKED = {429, 503}
STATUSES = [*(set(range(300, 309)) - {304}), *(set(range(400, 432)) - REST_ASKED - {404}), 451]
WITHOUT_REST = [*STATUSES, 500, 501, 502, 504, 507, 520]
GOOD = [f"good-{n}" for n in range(20)]


def answers(asked):
    """Cut the line after each lost file, and fail its look-ups as its name says."""
    name = named(asked)
    if name.startswith("good"):
        return Say(201, {"id": f"SILON-{name}"})
    if asked.method != "GET":
        return CUT
    rest = {"Retry-After": "3600"} if name.startswith("rest") else {}
    return Say(int(name.rpartition("-")[2]), {"error": "no"}, rest)


@pytest.mark.parametrize(
    ("word", "statuses"), [("rest", STATUSES), ("fail", WITHOUT_REST)], ids=["rest", "fail"]
)
def test_files_whose_look_ups_fail_hold_nobody_else_up(word, statuses, tmp_path):
    lost = [f"{word}-{status}" for status in statuses]
    with a_scene(tmp_path, answers, settings=LOOKUP) as scene:
        scene.hand_in(*lost, *GOOD)
        scene.settled(*GOOD)
        rows = scene.rows()
        circuits = scene.served.logged.count('"circuit.open"')

    assert {rows[name]["state"] for name in GOOD} == {DeliveryState.DELIVERED}
    assert circuits == 0
    assert {rows[name]["state"] for name in lost} <= {DeliveryState.VERIFY, DeliveryState.ACTIVE}
    assert {scene.sent(name) for name in lost} <= {0, 1}

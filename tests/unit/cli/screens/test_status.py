"""`titip status`: true sentences for somebody who is tired."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.output import age, clock
from cli.screens.status import StatusContext, build_status
from titip.delivery import DeliveryState
from titip.health import PROBE_VETO_LIMIT, Circuit, Health
from titip.ports.operations import DestinationStatus, Totals
from titip.ports.storage import DiskSpace
from titip.upload import UploadState

NOW = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
HOW = StatusContext(
    by_hand=False, mirror_wanted=True, gateway_runs=True, sync_runs=True, reserve=1 << 30
)
STALLED = Health(
    since=NOW - timedelta(minutes=18),
    circuit=Circuit.OPEN,
    until=NOW + timedelta(seconds=11),
    reason="no answer within 30 s of the last byte",
)


def standing(name, *, health=None, paused=False, oldest=None, **counts):
    tally = {DeliveryState(state): number for state, number in counts.items()}
    return DestinationStatus(
        name=name, paused=paused, health=health, counts=tally, oldest_owed=oldest
    )


def shown(*standings, how=HOW, free=1 << 40, promised=0, uploads=None, damaged=0, unclosed=0):
    there = {one.name: one for one in standings}
    totals = Totals(
        uploads=uploads or {UploadState.SEALED: 3},
        sealed_bytes=3 << 20,
        open_bytes=5 << 20,
        destinations=[there.get(name, standing(name)) for name in ("registry", "mirror")],
        damaged=damaged,
        unclosed=unclosed,
    )
    return build_status(totals, DiskSpace(free=free, promised=promised), how=how, now=NOW)


def test_a_stall_is_told_with_its_cause_and_that_nothing_is_lost():
    mirror = standing("mirror", health=Health(since=NOW), delivered=1)
    headline = shown(standing("registry", health=STALLED), mirror).headline

    assert f"stalled since {clock(STALLED.since, now=NOW)}" in headline
    assert "(no answer within 30 s of the last byte)" in headline
    assert "next try in 12 s" in headline
    assert "Nothing is lost: files are being mirrored until it is back." in headline


@pytest.mark.parametrize(
    ("health", "delivered", "said"),
    [
        (None, 0, "Files are kept here; none of them is mirrored yet."),
        (Health(since=NOW), 0, "Files are kept here; none of them is mirrored yet."),
        (Health(since=NOW, bad_streak=1), 7, "Files are kept, but the mirror has trouble:"),
        (STALLED, 7, "Files are kept, but here alone: nothing is being mirrored now."),
    ],
)
def test_a_mirror_that_does_not_take_files_is_not_said_to(health, delivered, said):
    mirror = standing("mirror", health=health, delivered=delivered)

    headline = shown(standing("registry", health=STALLED), mirror).headline

    assert said in headline
    assert "Nothing is lost" not in headline


def test_damage_is_told_before_all_else_and_with_its_mend():
    one, two = shown(damaged=1), shown(damaged=2)

    assert one.alarm.startswith("1 kept file is DAMAGED")
    assert two.alarm.startswith("2 kept files are DAMAGED")
    assert "titip repair --all" in one.todo[0]
    assert shown().alarm == ""


def test_what_is_whole_but_was_never_ended_by_its_sender_is_pointed_at():
    told = shown(uploads={UploadState.OPEN: 3}, unclosed=2)

    assert "3 still being handed in" in told.kept
    assert "; 2 are fully received, but their senders have not completed them" in told.kept
    assert "titip uploads --state open" in told.todo[-1]
    assert shown(uploads={UploadState.OPEN: 3}).todo == ["Nothing to do."]


def test_a_stall_without_a_mirror_promises_no_mirror():
    how = StatusContext(
        by_hand=False, mirror_wanted=False, gateway_runs=True, sync_runs=True, reserve=0
    )

    headline = shown(standing("registry", health=STALLED), how=how).headline

    assert "files are kept here until it is back" in headline


def test_a_rest_that_is_over_is_told_as_what_is_waited_for():
    until = NOW - timedelta(minutes=1)
    rested = replace(STALLED, until=until)

    alone = shown(standing("registry", health=rested)).headline
    asked = shown(
        standing("registry", health=rested), how=replace(HOW, registry_asked=True)
    ).headline

    assert "the next file that is due is tried" in alone
    latest = clock(until + PROBE_VETO_LIMIT, now=NOW)
    assert f"asked often whether it is well: a file is tried then, or at {latest} all" in asked


def test_a_stall_needs_nobody():
    assert shown(standing("registry", health=STALLED, queued=7)).todo == ["Nothing to do."]


def test_a_registry_that_is_well_is_told_so():
    health = Health(since=NOW, window=4.0)

    assert "healthy; 4 at once" in shown(standing("registry", health=health)).headline


def test_a_recovery_is_told():
    health = Health(since=NOW, circuit=Circuit.HALF_OPEN)

    assert (
        "the next file that is due is tried alone"
        in shown(standing("registry", health=health)).headline
    )


def test_a_few_bad_answers_are_told():
    health = Health(since=NOW, bad_streak=2, reason="failed (502 Bad Gateway)", window=2.0)

    assert (
        "failing now and then (failed (502 Bad Gateway))"
        in shown(standing("registry", health=health)).headline
    )


def test_numbers_are_told_for_each_destination():
    found = shown(
        standing(
            "registry",
            queued=2,
            deferred=3,
            verify=1,
            active=4,
            delivered=10,
            parked=1,
            oldest=NOW - timedelta(minutes=42),
        ),
        standing("mirror", skipped=5),
    )

    registry, mirror = found.lines
    assert (registry.waiting, registry.in_progress, registry.delivered) == (6, 4, 10)
    assert (registry.parked, registry.oldest) == (1, "42 min")
    assert (mirror.skipped, mirror.oldest) == (5, "")


def test_what_is_parked_asks_for_a_person():
    todo = shown(standing("registry", parked=2)).todo

    assert len(todo) == 1
    assert "2 files for the registry need attention" in todo[0]
    assert "titip resync --parked --to registry" in todo[0]


def test_a_pause_is_not_forgotten():
    found = shown(standing("registry", paused=True, queued=1, health=STALLED))

    assert "paused by an operator" in found.headline
    assert found.todo[0].startswith("The registry is paused: titip resume registry when")


def test_without_a_registry_people_are_told_what_to_enter():
    how = StatusContext(
        by_hand=True, mirror_wanted=True, gateway_runs=True, sync_runs=True, reserve=0
    )

    found = shown(standing("registry", queued=2), how=how)

    assert "no registry is configured" in found.headline
    assert "2 files to be entered by hand" in found.todo[0]


def test_trouble_of_the_mirror_is_told():
    found = shown(standing("mirror", health=STALLED, queued=1))

    assert "The mirror itself is in trouble: titip check says what to fix." in found.todo


def test_what_does_not_run_is_told():
    how = StatusContext(
        by_hand=False, mirror_wanted=True, gateway_runs=False, sync_runs=False, reserve=0
    )

    todo = shown(standing("registry", queued=1), how=how).todo

    assert "No gateway runs on this data folder: start titip serve." in todo
    assert any("No sync daemon runs" in line for line in todo)


def test_a_full_disk_is_told():
    assert any("The disk is nearly full" in line for line in shown(free=1 << 20).todo)


def test_what_is_promised_to_open_uploads_counts_as_used():
    found = shown(free=3 << 30, promised=5 << 29)

    assert any("The disk is nearly full" in line for line in found.todo)


def test_open_uploads_are_told():
    found = shown(uploads={UploadState.SEALED: 1, UploadState.OPEN: 2})

    assert found.kept.startswith("1 file kept (3.0 MiB); 2 still being handed in (5.0 MiB to come)")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (90000, "1 d")],
)
def test_ages_are_written_in_their_largest_unit(seconds, text):
    assert age(timedelta(seconds=seconds)) == text


def test_a_moment_of_another_day_carries_its_date():
    assert clock(NOW - timedelta(days=3), now=NOW).startswith("2026-11-2")
    assert clock(None) == ""

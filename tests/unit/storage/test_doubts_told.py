"""What may be in the registry already is told wherever a person decides what to enter there."""

import json

import pytest

from storage import records
from tests.cli_world import Desk
from titip.delivery import DeliveryState, RejectedEvent, UnknownEvent

REGISTRY = '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\n'
OWED = [state for state in DeliveryState if state.owed]
ENDED = [state for state in DeliveryState if not state.owed]
REASON = "its answer was lost"


def put(desk, upload, state, *, maybe_delivered=1):
    """Bring the registry's delivery of an upload into this state, in doubt."""
    values = (state.value, maybe_delivered, REASON, f"{upload}.registry")
    text = "UPDATE deliveries SET state = ?, maybe_delivered = ?, reason = ? WHERE id = ?"

    async def act(books):
        await books.journal.write(lambda db: db.execute(text, values))

    desk.with_books(act)


def row_of(desk, upload, destination="registry"):
    rows = desk.read("history", upload)["deliveries"]
    return next(one for one in rows if one["destination"] == destination)


def by_hand(tmp_path):
    """Take the registry out of the settings of a data folder."""
    return Desk.at(tmp_path)


@pytest.mark.parametrize("state", OWED)
def test_whoever_enters_files_by_hand_is_told_which_may_be_there(tmp_path, state):
    desk = Desk.at(tmp_path, REGISTRY)
    sure, doubted = desk.hand_in(b"one"), desk.hand_in(b"two")
    put(desk, doubted, state)
    desk = by_hand(tmp_path)

    status = desk.read("status")
    listed = desk.run("deliveries", "--to", "registry").stdout.splitlines()
    findings = json.loads(desk.run("check", "--json").stdout)["findings"]

    (todo,) = [one for one in status["todo"] if "entered by hand" in one]
    assert todo.startswith("2 files to be entered by hand")
    assert "1 of these may be there already: look there first" in todo
    assert status["destinations"][0]["maybe_delivered"] == 1
    assert "1 of what is owed may be there already" in desk.run("status").stdout
    marked = [line for line in listed if "may be there already" in line]
    assert [line.split(".")[0].strip() for line in marked] == [doubted[:12]]
    assert any(
        "1 file to be entered by hand may be in the registry already" in one["text"]
        and one["grade"] == "warning"
        for one in findings
    )
    assert row_of(desk, doubted)["maybe_delivered"] is True
    assert row_of(desk, sure)["maybe_delivered"] is False


@pytest.mark.parametrize("state", ENDED)
def test_what_has_ended_is_in_doubt_no_more(tmp_path, state):
    desk = Desk.at(tmp_path)
    put(desk, desk.hand_in(b"one"), state)

    status = desk.read("status")

    assert status["destinations"][0]["maybe_delivered"] == 0
    assert "may be there already" not in desk.run("status").stdout
    assert "may be there already" not in desk.run("deliveries").stdout
    assert "may be in the registry already" not in desk.run("check").stdout


def test_nothing_in_doubt_is_nothing_to_look_for(tmp_path):
    desk = Desk.at(tmp_path)
    desk.hand_in(b"one")

    (todo,) = [one for one in desk.read("status")["todo"] if "entered by hand" in one]

    assert "may be there already" not in todo


@pytest.mark.parametrize("state", OWED)
def test_with_a_registry_doubts_are_told_in_every_state(tmp_path, state):
    desk = Desk.at(tmp_path, REGISTRY)
    put(desk, desk.hand_in(b"one"), state)

    status = desk.read("status")

    assert status["destinations"][0]["maybe_delivered"] == 1
    assert status["destinations"][0]["in_doubt"] == (state is DeliveryState.PARKED)
    assert "1 of what is owed may be there already" in desk.run("status").stdout
    assert "may be in the registry already" not in desk.run("check").stdout


def test_counting_the_doubts_reads_no_other_row(tmp_path):
    desk = Desk.at(tmp_path)
    desk.hand_in(b"one")
    text = f"EXPLAIN QUERY PLAN {records._IN_DOUBT}"  # noqa: SLF001 - how it is found is its point

    async def plan(books):
        return await books.journal.read(
            lambda db: [str(row[3]) for row in db.execute(text, ("registry",))]
        )

    (line,) = desk.with_books(plan)
    assert line == "SEARCH deliveries USING INDEX deliveries_doubted (destination=?)"


@pytest.mark.parametrize("words", [["--parked"], ["--all"], ["ID"]])
def test_without_a_registry_a_resync_says_so_and_leaves_doubt_and_reason(tmp_path, words):
    desk = Desk.at(tmp_path, REGISTRY)
    upload = desk.hand_in(b"one")
    desk.end(upload, UnknownEvent(REASON))
    put(desk, upload, DeliveryState.PARKED)
    desk = by_hand(tmp_path)
    before = row_of(desk, upload)
    words = [upload if word == "ID" else word for word in words]

    result = desk.run("resync", *words, "--to", "registry")

    assert result.exit_code == 1
    assert "No registry is configured: 1 delivery to it waits to be entered by hand" in (
        result.stderr
    )
    assert "due now" not in result.stdout
    assert row_of(desk, upload) == before
    assert (before["maybe_delivered"], before["reason"]) == (True, REASON)


def test_without_a_registry_a_resync_of_mirrors_goes_and_tells_of_the_rest(tmp_path):
    desk = by_hand(tmp_path)
    upload = desk.hand_in(b"one")
    desk.end(upload, RejectedEvent("no room there"), to="mirror")
    put(desk, upload, DeliveryState.PARKED)

    result = desk.run("resync", "--parked")

    assert result.exit_code == 0
    assert "1 delivery is due now." in result.stdout
    assert "No registry is configured" in result.stderr
    assert row_of(desk, upload)["state"] == "parked"
    assert row_of(desk, upload, "mirror")["state"] == "queued"


def test_without_a_registry_a_resync_is_told_to_programs_too(tmp_path):
    desk = by_hand(tmp_path)
    desk.hand_in(b"one")

    result = desk.run("resync", "--all", "--to", "registry", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"requeued": 0, "by_hand": 1}


def test_a_resync_of_nothing_needs_no_registry(tmp_path):
    desk = by_hand(tmp_path)
    desk.hand_in(b"one")

    assert desk.read("resync", "--parked") == {"requeued": 0}

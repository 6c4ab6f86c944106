"""`titip resync|pause|resume|probe|delivered` on a real journal."""

import pytest

from tests.cli_world import Desk
from tests.strategies import EPOCH
from titip.delivery import MovedEvent, RejectedEvent, SucceededEvent
from titip.evidence import Evidence
from titip.health import Circuit, Health

REGISTRY = '[registry]\nkind = "http"\nurl = "http://127.0.0.1:9/intake"\n'


@pytest.fixture
def desk(tmp_path):
    return Desk.at(tmp_path, REGISTRY)


def state_of(desk, upload, destination="registry"):
    found = desk.read("history", upload)["deliveries"]
    return next(one["state"] for one in found if one["destination"] == destination)


def test_parked_deliveries_are_sent_again(desk):
    first = desk.hand_in(b"one")
    desk.park(first)
    second = desk.hand_in(b"two")

    result = desk.run("resync", "--parked")

    assert result.exit_code == 0
    assert "1 delivery is due now." in result.stdout
    assert "No sync daemon runs on this data folder" in result.stderr
    assert state_of(desk, first) == state_of(desk, second) == "queued"


def a_moved_one(desk):
    upload = desk.hand_in(b"moved")
    desk.end(upload, MovedEvent("it may be at old.example"))
    return upload


def test_what_was_sent_to_a_former_address_goes_by_a_persons_word_alone(desk):
    moved = a_moved_one(desk)
    refused = desk.hand_in(b"refused")
    desk.park(refused)

    for words in (["--parked"], ["--all"]):
        said = desk.run("resync", *words, "--to", "registry")
        assert "1 delivery was sent to a former address, and not sent again" in " ".join(
            said.stderr.split()
        )
    status = desk.read("status")
    assert (state_of(desk, moved), state_of(desk, refused)) == ("parked", "queued")
    assert status["destinations"][0]["moved"] == 1
    assert any("same registry: titip resync --moved" in one for one in status["todo"])
    assert desk.read("resync", "--moved") == {"requeued": 1}
    assert state_of(desk, moved) == "queued"


def test_one_that_was_sent_to_a_former_address_goes_when_it_is_named(desk):
    moved = a_moved_one(desk)

    assert desk.read("resync", moved, "--to", "registry") == {"requeued": 1}


@pytest.mark.parametrize("words", [["--parked"], ["--all"], ["--moved"]])
def test_a_person_vouches_only_for_what_they_name(desk, words):
    result = desk.run("resync", *words, "--not-there")

    assert result.exit_code == 2
    assert "name the ids" in result.stderr


def test_what_keeps_a_re_sync_from_going_is_told(desk):
    upload = desk.hand_in(b"one")
    desk.park(upload)
    desk.run("pause", "registry")
    paused = desk.run("resync", "--parked").stderr
    desk.note("registry", Health(EPOCH, Circuit.OPEN, until=EPOCH, reason="answered 503"))
    resumed = desk.run("resume", "registry")

    assert "The registry: paused by an operator: nothing is sent." in paused
    assert "The registry is paused no more." in resumed.stdout
    assert "The registry: stalled since" in resumed.stderr


def test_a_reference_that_another_upload_has_is_refused_unless_it_is_shared(desk):
    first = desk.hand_in(b"one")
    desk.deliver(first, "SILON-7")
    second = desk.hand_in(b"two")

    result = desk.run("delivered", second, "--reference", "SILON-7")

    assert result.exit_code == 1
    assert f"SILON-7 is the reference of upload {first} already" in result.stderr
    assert state_of(desk, second) == "queued"
    assert desk.run("delivered", second, "--reference", "SILON-7", "--shared").exit_code == 0
    assert state_of(desk, second) == "delivered"
    assert "entered by hand as SILON-7" in desk.run("history", second).stdout


def test_nothing_parked_is_no_failure(desk):
    desk.hand_in(b"one")

    assert desk.read("resync", "--parked") == {"requeued": 0}


def test_everything_owed_is_sent_again_but_not_what_was_spared(desk):
    spared = desk.hand_in(b"one")
    desk.deliver(spared)
    desk.hand_in(b"two")

    assert desk.read("resync", "--all") == {"requeued": 2}
    assert state_of(desk, spared, "mirror") == "skipped"


def test_a_spared_mirror_is_sent_when_it_is_named(desk):
    upload = desk.hand_in(b"one")
    desk.deliver(upload)

    assert desk.read("resync", upload[:10], "--to", "mirror") == {"requeued": 1}
    assert state_of(desk, upload, "mirror") == "queued"


def test_a_delivered_one_is_not_sent_again(desk):
    upload = desk.hand_in(b"one")
    desk.deliver(upload)

    result = desk.run("resync", f"{upload}.registry")

    assert result.exit_code == 1
    assert "None of them can be sent again" in result.stderr


@pytest.mark.parametrize("words", [[], ["--parked", "--all"], ["0123abcd", "--all"]])
def test_one_must_say_which(desk, words):
    result = desk.run("resync", *words)

    assert result.exit_code == 2
    assert "Say which" in result.stderr


def test_a_pause_is_shown_and_ends(desk):
    desk.hand_in(b"one")

    paused = desk.run("pause", "registry")
    during = desk.read("status")["destinations"][0]["paused"]
    resumed = desk.run("resume", "registry")

    assert paused.exit_code == resumed.exit_code == 0
    assert during is True
    assert desk.read("status")["destinations"][0]["paused"] is False


def test_a_destination_there_is_not_is_a_usage_error(desk):
    assert desk.run("pause", "moon").exit_code == 2


def test_a_probe_asks_the_destination_and_the_daemon(desk):
    desk.hand_in(b"one")

    result = desk.run("probe", "mirror")

    assert result.exit_code == 0
    assert "The mirror is healthy." in result.stderr
    assert desk.with_books(lambda books: books.destinations.probe_wanted("mirror")) is True


def test_a_destination_without_a_health_address_cannot_be_asked(desk):
    desk.hand_in(b"one")

    result = desk.run("probe", "registry", "--json")

    assert result.exit_code == 0
    assert '"healthy": null' in result.stdout


def test_a_probe_of_a_sick_destination_fails(tmp_path):
    desk = Desk.at(tmp_path, f'{REGISTRY}health = "http://127.0.0.1:9/health"\n')
    desk.hand_in(b"one")

    result = desk.run("probe", "registry")

    assert result.exit_code == 1
    assert "The registry is not healthy" in result.stderr


def test_a_probe_of_what_is_not_configured_fails(tmp_path):
    desk = Desk.at(tmp_path)
    desk.hand_in(b"one")

    result = desk.run("probe", "registry")

    assert result.exit_code == 1
    assert "No registry is configured" in result.stderr


def test_what_was_entered_by_hand_is_recorded_once(desk):
    upload = desk.hand_in(b"one")

    first = desk.read("delivered", upload[:8], "--reference", " SILON-7 ")
    again = desk.run("delivered", upload, "--reference", "SILON-8")

    assert (first["state"], first["locator"]) == ("delivered", "SILON-7")
    assert again.exit_code == 1
    assert "It is delivered already, as SILON-7." in again.stderr
    assert desk.read("receipt", upload)["deliveries"][1]["locator"] == "SILON-7"


@pytest.mark.parametrize("state", ["queued", "parked", "delivered"])
def test_a_copy_on_the_mirror_is_never_recorded_by_hand(desk, state):
    upload = desk.hand_in(b"one")
    ends = {"parked": RejectedEvent("no"), "delivered": SucceededEvent("p/1", Evidence.DIGEST)}
    if state in ends:
        desk.end(upload, ends[state], to="mirror")

    result = desk.run("delivered", f"{upload}.mirror", "--reference", "SILON-7")

    assert result.exit_code == 1
    assert f"titip resync {upload}.mirror" in result.stderr
    assert state_of(desk, upload, "mirror") == state


def test_the_reference_must_be_one(desk):
    upload = desk.hand_in(b"one")

    assert desk.run("delivered", upload, "--reference", "  ").exit_code == 2


def test_an_unfinished_upload_cannot_be_recorded(desk):
    upload = desk.hand_in(b"1234", keep=1)

    result = desk.run("delivered", upload, "--reference", "R")

    assert result.exit_code == 1
    assert "owes the registry nothing (it is open)" in result.stderr


def test_a_wrong_destination_in_an_id_is_told(desk):
    upload = desk.hand_in(b"one")

    result = desk.run("resync", f"{upload}.moon")

    assert result.exit_code == 2
    assert "There is no destination moon" in result.stderr

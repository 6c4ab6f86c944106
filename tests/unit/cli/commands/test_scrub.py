"""`titip scrub` and `titip repair`, at the operator's desk."""

import pytest

from storage.files.spool import Spool
from storage.journal import uploads
from sync.destinations.safe_names import copy_name, safe_name
from tests import rot
from tests.cli_world import Desk
from titip.delivery import DamagedEvent, SucceededEvent
from titip.evidence import Evidence

PAPERS = b"papers of a supporter"


@pytest.fixture
def desk(tmp_path):
    return Desk.at(tmp_path)


def file_of(desk, upload):
    return Spool(desk.settings.storage.path).path(upload)


def found(desk, upload):
    async def look(books):
        return await books.journal.read(lambda db: uploads.find(db, upload))

    return desk.with_books(look)


def mirrored(desk, upload, content=PAPERS):
    """Let the folder mirror have received a copy; give its path."""
    row = found(desk, upload)
    locator = f"{safe_name(row.submitter)}/{copy_name(row)}"
    copy = desk.settings.mirror_path / locator
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(content)
    desk.end(upload, SucceededEvent(locator, Evidence.REFERENCE), to="mirror")
    return copy


def test_a_scrub_of_whole_files_says_so(desk):
    desk.hand_in(PAPERS)
    desk.hand_in(b"")

    result = desk.run("scrub", "--all")

    assert result.exit_code == 0
    assert "2 files read (21 bytes)." in result.output
    assert "as it was sealed" in result.output
    assert desk.read("scrub") == {"read": 0, "bytes": 0, "damaged": []}


def test_a_scrub_that_finds_rot_fails_and_says_what_to_do(desk):
    upload = desk.hand_in(PAPERS)
    rot.flip(file_of(desk, upload))

    result = desk.run("scrub", upload[:8])

    assert result.exit_code == 1
    assert f"{upload}: its bytes are not the sealed ones" in result.output
    assert "titip repair --all" in result.output
    status = desk.read("status")
    assert status["damaged"] == 1
    assert "1 kept file is DAMAGED" in status["alarm"]
    assert "titip repair --all" in status["todo"][0] + status["todo"][1]
    assert "DAMAGED" in desk.run("status").output
    assert "sealed, damaged" in desk.run("uploads").output


def test_a_repair_fetches_the_mirror_s_copy_and_sends_what_waited(desk):
    upload = desk.hand_in(PAPERS)
    mirrored(desk, upload)
    rot.flip(file_of(desk, upload))
    desk.end(upload, DamagedEvent("its bytes are not the sealed ones"))

    (told,) = desk.read("repair", "--all")["uploads"]

    assert (told["upload"], told["fate"], told["requeued"]) == (upload, "repaired", 1)
    assert file_of(desk, upload).read_bytes() == PAPERS
    assert desk.read("status")["damaged"] == 0
    assert desk.run("scrub", "--all").exit_code == 0


@pytest.mark.parametrize("copy", ["none", "damaged", "lost"])
def test_without_a_good_copy_the_operator_is_told_whom_to_ask(desk, copy):
    upload = desk.hand_in(PAPERS)
    if copy != "none":
        there = mirrored(desk, upload, PAPERS.upper())
        if copy == "lost":
            there.unlink()
    rot.vanish(file_of(desk, upload))

    result = desk.run("repair", upload)

    assert result.exit_code == 1
    assert "left" in result.output
    assert "titip push --again" in result.output
    assert desk.read("status")["damaged"] == 1


def test_a_file_that_is_whole_again_by_other_means_is_recognised(desk):
    upload = desk.hand_in(PAPERS)
    rot.flip(file_of(desk, upload))
    desk.end(upload, DamagedEvent("its bytes are not the sealed ones"))
    rot.flip(file_of(desk, upload))

    result = desk.run("repair", "--all")

    assert result.exit_code == 0
    assert f"{upload}: whole; 1 delivery again" in result.output
    assert desk.run("repair", "--all").output.strip() == "Nothing is damaged."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["repair"], "name ids, or --all"),
        (["repair", "3f9a12", "--all"], "name ids, or --all"),
        (["scrub", "3f9a12", "--all"], "name ids, or --all"),
        (["scrub", "--rate", "fast"], "--rate"),
        (["scrub", "--rate", "0B"], "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(desk, words, said):
    desk.hand_in(PAPERS)

    result = desk.run(*words)

    assert result.exit_code == 2
    assert said in result.output


def test_unfinished_and_freed_uploads_have_nothing_to_read(desk):
    begun = desk.hand_in(PAPERS, keep=3)
    freed = desk.hand_in(PAPERS)

    async def free(books):
        await books.journal.write(
            lambda db: db.execute("UPDATE uploads SET freed_at = 1 WHERE id = ?", (freed,))
        )

    desk.with_books(free)

    assert "only sealed ones" in desk.run("scrub", begun).output
    assert "no longer kept" in desk.run("repair", freed).output


def test_a_scrub_that_is_switched_off_wants_to_be_told_what(tmp_path):
    desk = Desk(tmp_path / "titip.toml")
    Desk.at(tmp_path)
    text = desk.file.read_text("utf-8")
    desk.file.write_text(text.replace("[storage]", '[storage]\nscrub = "never"'), "utf-8")
    desk.hand_in(PAPERS)

    assert "--all" in desk.run("scrub").output
    assert desk.run("scrub", "--all").exit_code == 0


def test_a_mirror_whose_credentials_are_missing_is_asked_again_later(desk):
    upload = desk.hand_in(PAPERS)
    mirrored(desk, upload)
    rot.flip(file_of(desk, upload))
    text = desk.file.read_text("utf-8")
    desk.file.write_text(f'{text}[mirror]\nkind = "drive"\n', "utf-8")

    result = desk.run("repair", upload)

    assert result.exit_code == 1
    assert f"{upload}: later: mirror.drive.credentials" in result.output


def test_a_mirror_that_cannot_be_asked_now_is_asked_again_later(desk):
    upload = desk.hand_in(PAPERS)
    copy = mirrored(desk, upload)
    copy.unlink()
    copy.mkdir()
    rot.flip(file_of(desk, upload))

    result = desk.run("repair", upload)

    assert result.exit_code == 1
    assert f"{upload}: later: the mirror's folder failed" in result.output
    assert "run titip repair again" in result.output
    assert "--again" not in result.output

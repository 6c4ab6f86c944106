"""The judge must find what is wrong: each promise is broken once, behind its back."""

import hashlib

import pytest

from tests.torture.comparison import Comparison
from tests.torture.ledger import Ledger, Paper, repr_digest

UPLOAD = "ab" * 16


class ByDigest:
    """A registry that is believed for its digests."""

    evidence = "digest"

    def gave(self, locator, references):
        return locator in references


@pytest.fixture
def judge(tmp_path):
    """One sealed upload that is everywhere once, as it should be."""
    ledger = Ledger()
    paper = Paper.make("seed", submitter="pair-1", length=50, key="")
    ledger.handing_in(paper)
    promise = ledger.begun(UPLOAD, paper)
    ledger.covers(promise, 50, digest=repr_digest(paper.sha256), what="patches")
    row = {"sha256": paper.sha256, "submitter": "pair-1", "length": 50, "freed_at": None}
    for name in ("data/spool/ab", "registry", "drive"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data/spool/ab" / UPLOAD).write_bytes(paper.content)
    for name in ("registry", "drive"):
        (tmp_path / name / "one").write_bytes(paper.content)
    return Comparison(tmp_path, ledger, {UPLOAD: row}, ByDigest())


def entry(judge, **changes):
    path = str(judge.root / "registry" / "one")
    return {"key": UPLOAD, "id": "R-1", "path": path, "stored_at": "now", **changes}


def item(judge, **changes):
    path = str(judge.root / "drive" / "one")
    properties = {"titip_upload": UPLOAD}
    return {"appProperties": properties, "path": path, "sha256": "x", "trashed": False, **changes}


def delivery(destination="registry", **changes):
    whole = {"id": f"{UPLOAD}.{destination}", "upload": UPLOAD, "destination": destination}
    return {**whole, "evidence": "digest", "locator": "R-1", **changes}


def wrong(judge, *, registry=None, drive=None, deliveries=()):
    judge.compare(
        registry=[entry(judge)] if registry is None else registry,
        drive=[item(judge)] if drive is None else drive,
        deliveries=list(deliveries),
    )
    return [kind for kind, _ in judge.ledger.wrong]


def test_what_is_right_is_not_complained_about(judge):
    assert wrong(judge) == []


def test_an_acknowledged_seal_that_is_not_there_is_lost(judge):
    judge.sealed = {}

    assert "lost" in wrong(judge, registry=[], drive=[])


def test_a_spool_that_lost_or_changed_bytes_is_a_loss(judge):
    (judge.root / "data/spool/ab" / UPLOAD).write_bytes(b"short")

    assert wrong(judge) == ["lost"]


def test_acknowledged_bytes_of_an_open_upload_must_be_in_the_spool(judge):
    other = "cd" * 16
    paper = Paper.make("another", submitter="pair-2", length=9, key="")
    promise = judge.ledger.begun(other, paper)
    judge.ledger.covers(promise, 4, digest=None, what="patches")

    assert wrong(judge) == ["lost"]
    judge.ledger.wrong.clear()
    (judge.root / "data/spool/cd").mkdir()
    (judge.root / "data/spool/cd" / other).write_bytes(paper.content[:4])
    assert wrong(judge) == []


def test_a_registry_that_has_it_twice_never_or_otherwise_is_found(judge):
    (judge.root / "registry" / "other").write_bytes(b"other")
    spoilt = entry(judge, path=str(judge.root / "registry" / "other"))

    assert wrong(judge, registry=[entry(judge), entry(judge)]) == ["doubled"]
    judge.ledger.wrong.clear()
    assert wrong(judge, registry=[]) == ["lost"]
    judge.ledger.wrong.clear()
    assert wrong(judge, registry=[spoilt]) == ["lost"]
    judge.ledger.wrong.clear()
    assert wrong(judge, registry=[entry(judge), entry(judge, key="ef" * 16)]) == ["doubled"]


def test_a_mirror_that_has_it_twice_or_never_is_found(judge):
    assert wrong(judge, drive=[item(judge), item(judge)]) == ["doubled"]
    judge.ledger.wrong.clear()
    assert wrong(judge, drive=[item(judge, trashed=True)]) == ["lost"]


@pytest.mark.parametrize(
    "untrue",
    [
        {"evidence": "status"},
        {"evidence": ""},
        {"evidence": "reference"},
        {"evidence": "person"},
        {"locator": "R-2"},
        {"upload": "ef" * 16},
        {"destination": "mirror", "evidence": "status"},
    ],
    ids=str,
)
def test_a_delivery_that_is_not_shown_by_what_it_is_believed_for_is_found(judge, untrue):
    assert wrong(judge, deliveries=[delivery(), delivery("mirror")]) == []
    assert wrong(judge, deliveries=[delivery(**untrue)]) == ["unproven"]


def test_what_an_operator_recorded_is_believed_for_that(judge):
    judge.by_hand.add(UPLOAD)

    assert wrong(judge, deliveries=[delivery(evidence="person")]) == []


def test_bytes_that_went_before_anything_showed_that_they_may_are_found(judge):
    judge.sealed[UPLOAD]["freed_at"] = "now"
    (judge.root / "data/spool/ab" / UPLOAD).unlink()

    assert wrong(judge, deliveries=[delivery()]) == []
    assert wrong(judge, deliveries=[delivery("mirror")]) == ["freed"]


def test_a_withdrawn_upload_that_is_sealed_all_the_same_is_found(judge):
    judge.ledger.withdrawn(judge.ledger.promises[UPLOAD])

    assert wrong(judge) == ["doubled"]


def test_bytes_that_nobody_sent_and_another_submitter_are_found(judge):
    judge.sealed[UPLOAD]["submitter"] = "pair-2"

    assert wrong(judge) == ["visible"]
    judge.ledger.wrong.clear()
    judge.sealed[UPLOAD]["sha256"] = hashlib.sha256(b"nobody").hexdigest()
    assert set(wrong(judge)) == {"lost"}


def test_an_error_in_the_log_is_found(judge):
    (judge.root / "serve.log").write_text('{"event": "delivery.bug"}\n')

    assert wrong(judge) == ["answered"]


def test_two_submitters_may_have_the_same_paper(judge):
    judge.ledger.promises.clear()
    for submitter in ("pair-2", "pair-1", "pair-3"):
        judge.ledger.handing_in(Paper.make("seed", submitter=submitter, length=50, key=""))

    assert wrong(judge) == []

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.errors import StoreTrouble
from client.plan import Item
from client.transfer.digest import Digest
from client.transfer.resume_store import Record, RecordKey, RecordState, ResumeStore, default_path

ITEM = Item(Path("in/a\udcff\n.pdf").absolute(), "a", 5, 7)
DIGEST = Digest("ab" * 32)
CASE = RecordKey(server="https://x", identity="lo1", item=ITEM, sha256=DIGEST.sha256)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "deep" / "push.sqlite3"


@pytest.fixture
def store(place):
    with closing(ResumeStore.open(place)) as opened:
        yield opened


def test_a_record_is_there_after_opening_anew(store, place):
    record = Record(url="https://x/files/1", state=RecordState.PROVEN, upload="1", sealed_at="t")

    store.save(CASE, record, DIGEST)

    with closing(ResumeStore.open(place)) as other:
        assert other.find(CASE) == record
        assert other.digest_of(ITEM) == DIGEST


@pytest.mark.parametrize(
    "case",
    [
        replace(CASE, server="https://y"),
        replace(CASE, identity="lo2"),
        replace(CASE, item=replace(ITEM, size=6)),
        replace(CASE, item=replace(ITEM, mtime_ns=8)),
        replace(CASE, sha256="cd" * 32),
    ],
)
def test_a_record_is_for_one_file_of_one_submitter_at_one_gateway(store, case):
    store.save(CASE, Record(url="u"), DIGEST)

    assert store.find(case) is None


def test_a_forgotten_record_is_gone(store):
    store.save(CASE, Record(url="u"), DIGEST)

    store.forget(CASE)

    assert store.find(CASE) is None


def test_the_nonce_of_a_file_handed_in_again_stays_until_the_record_is_final(store, place):
    drawn = store.draw_nonce(CASE)
    store.save(CASE, Record(url="u"), DIGEST)
    store.forget(CASE)

    with closing(ResumeStore.open(place)) as other:
        assert other.draw_nonce(CASE) == other.nonce_of(CASE) == drawn != ""
    store.save(CASE, Record(url="u", state=RecordState.PROVEN), DIGEST)
    assert store.nonce_of(CASE) == ""


def test_a_digest_is_not_trusted_after_a_change(store):
    store.keep_digest(ITEM, DIGEST)

    assert store.digest_of(replace(ITEM, mtime_ns=8)) is None


def test_the_digest_of_a_file_written_just_now_is_not_kept(store):
    store.save(CASE, Record(url="u"), replace(DIGEST, settled=False))

    assert store.digest_of(ITEM) is None


def test_an_identity_is_remembered_and_sampled(store):
    store.adopt("https://x", "lo1", "first")
    store.save(CASE, Record(url="u", state=RecordState.PROVEN, upload="1"), DIGEST)

    assert store.identity_of("https://x", "lo1") == "first"
    assert store.identity_of("https://y", "lo1") is None
    assert store.samples("https://x") == [("lo1", "1")]


def test_what_is_no_store_is_refused_with_advice(place):
    place.parent.mkdir()
    place.write_bytes(b"something else entirely" * 100)

    with pytest.raises(StoreTrouble, match="--state"):
        ResumeStore.open(place)


def test_a_store_of_a_newer_titip_is_left_alone(place, store):
    with closing(sqlite3.connect(place)) as raw:
        raw.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreTrouble, match="newer"):
        ResumeStore.open(place)


def test_a_store_of_an_older_titip_keeps_what_it_knows(place, store):
    store.save(CASE, Record(url="u"), DIGEST)
    with closing(sqlite3.connect(place)) as raw:
        raw.executescript("DROP TABLE again; PRAGMA user_version = 1")

    with closing(ResumeStore.open(place)) as other:
        assert other.find(CASE) == Record(url="u")
        assert other.draw_nonce(CASE)


def test_a_store_in_a_place_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreTrouble):
        ResumeStore.open(tmp_path / "file" / "push.sqlite3")


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_STATE_HOME": "/s"}, "/s/titip/push.sqlite3"),
        ("linux", {}, "/h/.local/state/titip/push.sqlite3"),
        ("darwin", {}, "/h/Library/Application Support/titip/push.sqlite3"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/titip/push.sqlite3"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="spells paths the POSIX way")
def test_each_system_has_its_own_place(monkeypatch, platform, variables, expected):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/h")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert default_path() == Path(expected)


NUMBERS = st.integers() | st.sampled_from([(1 << 63) - 1, 1 << 63, -(1 << 63), -(1 << 63) - 1])
ITEMS = st.builds(Item, st.text(min_size=1).map(Path), st.text(), NUMBERS, NUMBERS)


@given(ITEMS, ITEMS)
def test_whatever_a_file_is_called_and_counts_it_is_remembered_as_itself(one, other):
    with TemporaryDirectory() as folder, closing(ResumeStore.open(Path(folder) / "s")) as store:
        cases = [replace(CASE, item=item) for item in (one, other)]
        store.save(cases[0], Record(url="u"), DIGEST)

        is_same = one.path == other.path and (one.size, one.mtime_ns) == (
            other.size,
            other.mtime_ns,
        )
        assert store.find(cases[0]) == Record(url="u")
        assert store.digest_of(one) == DIGEST
        assert (store.find(cases[1]) is not None) == is_same
        assert (store.digest_of(other) is not None) == is_same


def test_a_time_that_is_almost_another_is_another(store):
    beyond = 1 << 70
    store.save(replace(CASE, item=replace(ITEM, mtime_ns=beyond)), Record(url="u"), DIGEST)

    assert store.digest_of(replace(ITEM, mtime_ns=beyond + 1)) is None
    assert store.digest_of(replace(ITEM, mtime_ns=beyond)) == DIGEST


def test_a_record_in_words_of_another_titip_is_none(store, place):
    store.save(CASE, Record(url="u"), DIGEST)
    with closing(sqlite3.connect(place)) as raw:
        raw.execute("UPDATE handin SET state = 'unheard of'")
        raw.commit()

    assert store.find(CASE) is None

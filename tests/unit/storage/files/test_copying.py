"""One file somewhere else: shared where that is safe, whole and synced before it has its name."""

import os
import shutil
import subprocess

import pytest

from storage.files import copying
from storage.files.copying import CopyMethod, bring, sha256_of, size_of
from tests.storage_fixtures import sha256
from titip.errors import ContentDamaged


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(b"papers")
    return path


def test_what_never_changes_may_be_one_file_under_two_names(source, tmp_path, monkeypatch):
    monkeypatch.setattr(copying, "_share", lambda *_: None)
    target = tmp_path / "target"

    first = bring(source, target, size=6, immutable=True)
    again = bring(source, target, size=6, immutable=True)

    assert first is again is CopyMethod.LINKED
    assert target.samefile(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]


def test_what_still_grows_is_copied_up_to_the_offset(source, tmp_path):
    target = tmp_path / "target"

    bring(source, target, size=4, immutable=False)
    with source.open("ab") as file:
        file.write(b" and more")

    assert target.read_bytes() == b"pape"
    assert not target.samefile(source)


def test_a_file_that_grew_although_it_never_changes_is_not_brought(source, tmp_path):
    with pytest.raises(ContentDamaged):
        bring(source, tmp_path / "target", size=4, immutable=True)

    assert size_of(tmp_path / "target") is None


def test_where_nothing_can_be_shared_every_byte_is_copied_and_synced(source, tmp_path, monkeypatch):
    synced: list[int] = []

    def refuse(*_):
        raise OSError

    monkeypatch.setattr(copying, "PIECE", 4)
    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr(copying, "_share", lambda *_: None)

    way = bring(source, tmp_path / "target", size=6, immutable=True)

    assert way is CopyMethod.COPIED
    assert (tmp_path / "target").read_bytes() == b"papers"
    assert len(synced) == 1


def test_a_source_with_too_few_bytes_leaves_no_file_of_that_name(source, tmp_path):
    with pytest.raises(ContentDamaged):
        bring(source, tmp_path / "target", size=7, immutable=False)

    assert size_of(tmp_path / "target") is None


def test_what_an_earlier_try_left_half_done_is_no_hindrance(source, tmp_path):
    (tmp_path / "target.part").write_bytes(b"half")

    bring(source, tmp_path / "target", size=6, immutable=False)

    assert sha256_of(tmp_path / "target") == sha256(b"papers")
    assert size_of(tmp_path / "target.part") is None


def test_blocks_are_shared_where_the_file_system_can(tmp_path):
    with_blocks = _mounted(tmp_path)
    try:
        source = with_blocks / "source"
        source.write_bytes(b"papers" * 100_000)

        way = bring(source, with_blocks / "target", size=300_001, immutable=False)

        assert way is CopyMethod.SHARED
        assert (with_blocks / "target").read_bytes() == source.read_bytes()[:300_001]
    finally:
        subprocess.run(["umount", with_blocks], check=True)  # noqa: S607


def _mounted(tmp_path):
    """Give a small XFS that lasts as long as the test, or skip."""
    if os.geteuid() or not shutil.which("mkfs.xfs"):
        pytest.skip("needs root and mkfs.xfs, to have a file system that shares blocks")
    image, place = tmp_path / "image", tmp_path / "mounted"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(320 << 20)
    for command in (
        ["mkfs.xfs", "-q", "-m", "reflink=1", str(image)],
        ["mount", "-o", "loop", str(image), str(place)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{command[0]} cannot be had here: {done.stderr.strip()}")
    return place

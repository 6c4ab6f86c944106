from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.plan import Fault, Item, walk

NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: name not in {".", ".."} and len(name.encode()) < 200)
TREES = st.recursive(
    st.binary(max_size=20),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
posix = pytest.mark.skipif(os.name != "posix", reason="Windows keeps some names and links back")


def grow(path, tree):
    if isinstance(tree, bytes):
        path.write_bytes(tree)
        return {path: tree}
    path.mkdir()
    grown: dict[Path, bytes] = {}
    for name, inner in tree.items():
        grown |= grow(path / name, inner)
    return grown


@posix
@given(TREES)
def test_every_file_is_found_once_with_its_size_and_place(tree):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        grown = grow(root, tree)

        found = [item for item in walk([root, root]) if isinstance(item, Item)]

    below = root if isinstance(tree, dict) else root.parent
    assert {item.path: (item.relative, item.size) for item in found} == {
        path: (path.relative_to(below).as_posix(), len(content)) for path, content in grown.items()
    }
    assert len(found) == len(grown)


def test_folders_come_in_order_of_name(tmp_path):
    for name in ("b", "a/2", "a/10", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    found = [item.relative for item in walk([tmp_path])]

    assert found == ["a/10", "a/2", "b", "c"]


def test_a_file_named_by_itself_is_relative_to_nothing(tmp_path, monkeypatch):
    (tmp_path / "a.pdf").touch()
    monkeypatch.chdir(tmp_path)

    [item] = walk([Path("a.pdf")])

    assert isinstance(item, Item)
    assert (item.path, item.relative) == (tmp_path / "a.pdf", "a.pdf")


def test_what_is_missing_is_reported_and_the_rest_goes_on(tmp_path):
    (tmp_path / "b").touch()

    fault, item = walk([tmp_path / "a", tmp_path / "b"])

    assert fault == Fault(tmp_path / "a", "a", "there is no file or folder here")
    assert item.relative == "b"


@posix
def test_links_to_files_and_folders_are_followed(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "x").write_bytes(b"12")
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "file").symlink_to(tmp_path / "far" / "x")
    (tmp_path / "near" / "folder").symlink_to(tmp_path / "far")

    found = list(walk([tmp_path / "near"]))

    assert [item.relative for item in found] == ["file", "folder/x"]
    assert all(isinstance(item, Item) for item in found)


@posix
def test_a_link_back_to_a_folder_above_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "back").symlink_to(tmp_path)
    (tmp_path / "x").touch()

    fault, item = walk([tmp_path])

    assert isinstance(fault, Fault)
    assert (fault.relative, item.relative) == ("in/back", "x")
    assert "leads back" in fault.reason


@posix
def test_a_link_to_nothing_is_reported(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")

    [fault] = walk([tmp_path])

    assert isinstance(fault, Fault)


@posix
def test_what_is_no_file_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    [fault] = walk([tmp_path])

    assert isinstance(fault, Fault)
    assert "neither" in fault.reason


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_reported(tmp_path):
    (tmp_path / "shut").mkdir(mode=0)

    [fault] = walk([tmp_path])

    assert fault == Fault(tmp_path / "shut", "shut", "may not be read: check its permissions")

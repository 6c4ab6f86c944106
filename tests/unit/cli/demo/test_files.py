"""The files of the demo: every kind of trouble, the same each time."""

import pytest

from cli.demo.files import LARGEST, digest_of, make_files, sources_of
from cli.errors import CliError


def test_they_have_every_kind_of_size_and_name(tmp_path):
    make_files(tmp_path / "made", count=40)

    sources = sources_of([tmp_path / "made"])

    sizes = [source.size for source in sources]
    names = {source.path.name for source in sources}
    assert len(sources) == 40
    assert {0, 1} < set(sizes)
    assert sizes[-1] == max(sizes) == LARGEST
    assert any("\n" in name for name in names)
    assert any('"' in name for name in names)
    assert any(not name.isascii() for name in names)


def test_they_are_the_same_each_time(tmp_path):
    make_files(tmp_path / "a", count=8)
    make_files(tmp_path / "b", count=8)

    first, second = sources_of([tmp_path / "a"]), sources_of([tmp_path / "b"])

    assert [one.sha256 for one in first] == [one.sha256 for one in second]


def test_as_many_are_made_as_were_asked_for(tmp_path):
    make_files(tmp_path / "made", count=3)

    assert len(sources_of([tmp_path / "made"])) == 3


def test_a_path_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CliError, match="there is no file or folder here"):
        sources_of([tmp_path / "nowhere"])


def test_the_digest_is_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"")

    assert digest_of(tmp_path / "a").startswith("e3b0c44298fc1c14")

"""The page on the protocols says what the code does, where that can be compared."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.protocol import checksum, tus_responses
from gateway.protocol.commands import UploadLimits
from gateway.protocol.problems import CATALOGUE

PAGE = (Path(__file__).parents[4] / "docs" / "protocol.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d{3}) \| (`[^|]*`) \|", re.MULTILINE)


def test_the_table_of_answers_has_every_problem_with_its_status_and_no_other():
    told = {
        (name, int(status))
        for status, names in ROW.findall(PAGE)
        for name in re.findall(r"`([a-z-]+)`", names)
    }

    assert told == {(problem.slug, problem.status) for problem in CATALOGUE}


def test_the_table_of_extensions_names_all_that_are_offered():
    terms = UploadLimits(max_upload=1, max_unfinished_age=timedelta(1))
    table = PAGE.partition("| part of tus 1.0 | here |")[2].partition("\n\n")[0]

    for name in tus_responses.extensions(terms):
        assert re.search(rf"\b{name}\b", table), name


def test_the_checksums_are_those_that_are_checked():
    row = re.search(r"^\| checksum \| (.*) \|$", PAGE, re.MULTILINE)

    assert row is not None
    assert re.findall(r"`(\w+)`", row[1]) == list(checksum.ALGORITHMS)


@pytest.mark.parametrize("page", ["conformance.md", "operations.md#behind-a-proxy"])
def test_what_the_page_points_to_is_there(page):
    name, _, heading = page.partition("#")
    text = (Path(__file__).parents[4] / "docs" / name).read_text(encoding="utf-8")
    slugs = {
        line.strip("# ").lower().replace(" ", "-") for line in text.splitlines() if "# " in line
    }

    assert f"({page})" in PAGE
    assert not heading or heading in slugs

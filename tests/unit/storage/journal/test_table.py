"""Rows and what they stand for, and the journal's columns as the documents tell them."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.journal.connection import connect
from storage.journal.rows import DELIVERIES, TOKENS, UPLOADS
from storage.journal.table import Table
from tests.strategies import EPOCH
from titip.delivery import Delivery, DeliveryId, ParkedFor
from titip.upload import UploadId

FORMAT = Path(__file__).parents[4] / "docs" / "format.md"


@given(text=st.text(), parked_for=st.sampled_from(ParkedFor), until=st.none() | st.just(EPOCH))
def test_a_row_stands_for_what_it_was_made_from(text, parked_for, until):
    delivery = Delivery(
        DeliveryId("u.registry"),
        UploadId("u"),
        "registry",
        "pair-1",
        EPOCH,
        EPOCH,
        detail=text,
        parked_for=parked_for,
        settles_at=until,
    )
    row = DELIVERIES.row(delivery)

    kept = replace(delivery, detail=text.encode("utf-8", "replace").decode())
    assert DELIVERIES.of(row) == kept
    assert DELIVERIES.of_named(DELIVERIES.named(delivery)) == kept
    assert dict(zip(DELIVERIES.names, row, strict=True)) == DELIVERIES.named(delivery)


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    """Give the columns of each table of a new journal."""
    with closing(connect(tmp_path_factory.mktemp("journal") / "journal.db")) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")
        ]
        return {
            table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in tables
        }


@pytest.mark.parametrize(
    ("name", "table"), [("uploads", UPLOADS), ("deliveries", DELIVERIES), ("tokens", TOKENS)]
)
def test_every_field_has_a_column_of_its_name(name, table: Table[Any], columns):
    assert set(table.names) <= set(columns[name])


def test_the_document_of_the_format_tells_every_column_of_every_table(columns):
    sections = {
        part.partition("\n")[0].partition(" ")[0]: part
        for part in FORMAT.read_text("utf-8").split("\n### ")
    }
    untold = [
        f"{table}.{name}"
        for table, names in columns.items()
        for name in names
        if f"`{name}`" not in sections.get(table, "")
    ]
    assert untold == []

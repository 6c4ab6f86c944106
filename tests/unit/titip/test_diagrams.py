from tests.diagrams import PAGE, page
from titip import delivery, health, upload


def test_the_committed_diagrams_are_those_of_the_tables():
    committed = PAGE.read_text(encoding="utf-8")

    assert committed == page(), "stale: run `python -m tests.diagrams`"


def test_every_step_of_every_table_is_drawn_once():
    steps = sum(len(row) for table in (upload.ALLOWED, delivery.ALLOWED) for row in table.values())
    steps += sum(len(targets) for row in health.ALLOWED.values() for targets in row.values())

    arrows = [line for line in page().splitlines() if "-->" in line and "[*]" not in line]

    assert sum(len(line.partition(": ")[2].split(", ")) for line in arrows) == steps

from collections import Counter

import pytest

from tests.conformance.collecting import BadMark, Holding, collect, in_module
from tests.conformance.page import PAGE, PROTOCOL, held, open_statements, page, with_sums
from tests.conformance.statement import Level
from tests.conformance.statements import ALL, SPECIFICATIONS

STALE = "stale: run `python -m tests.conformance`"


def of(text):
    return {holding.name: holding.statements for holding in in_module(text, "test_it.py")}


def test_the_committed_tables_are_those_of_the_statements_and_marks():
    committed = PAGE.read_text(encoding="utf-8")

    assert committed == page(held()), STALE


def test_the_sums_in_the_protocol_s_page_are_right():
    committed = PROTOCOL.read_text(encoding="utf-8")

    assert committed == with_sums(committed, held()), STALE


def test_no_id_names_two_statements_and_each_tells_its_document():
    names = Counter(one.id for document in SPECIFICATIONS for one in document.statements)
    strays = [
        one.id
        for document in SPECIFICATIONS
        for one in document.statements
        if not one.id.startswith(document.prefixes)
    ]

    assert [name for name, times in names.items() if times > 1] == []
    assert strays == []


def test_what_is_not_offered_says_why():
    assert [one.id for one in ALL.values() if one.level is Level.IF and not one.here] == []


def test_every_mark_names_a_statement():
    unknown = {
        holding.test: [one for one in holding.statements if one not in ALL]
        for holding in collect()
        if not ALL.keys() >= set(holding.statements)
    }

    assert unknown == {}


def test_every_must_and_every_promise_of_ours_has_a_test():
    assert [one.id for one in open_statements(held())] == []


def test_no_test_that_holds_something_is_always_skipped():
    assert [holding.test for holding in collect() if not holding.runs] == []


def test_marks_are_found_on_functions_classes_parameters_and_modules():
    found = of("""
pytestmark = [pytest.mark.slow, pytest.mark.holds("all")]

@pytest.mark.holds("one", "two")
async def test_a(): ...

@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.holds("three"))])
def test_b(x): ...

@pytest.mark.holds("four")
class TestMany:
    @pytest.mark.holds("one")
    def test_c(self): ...
    def helper(self): ...

TestMachine = Machine.TestCase
""")

    assert found == {
        "test_a": ("all", "one", "two"),
        "test_b": ("all", "three"),
        "TestMany::test_c": ("all", "four", "one"),
        "TestMachine": ("all",),
    }


@pytest.mark.parametrize(
    "mark",
    ["skip", 'skip(reason="never")', "xfail", 'xfail(reason="ever")'],
)
def test_a_test_that_is_never_run_to_its_end_is_told(mark):
    text = f'@pytest.mark.holds("one")\n@pytest.mark.{mark}\ndef test_a(): ...\n'

    assert [*in_module(text, "t.py")] == [Holding("t.py", "test_a", ("one",), runs=False)]


def test_so_is_one_that_gives_up_in_its_body():
    text = '@pytest.mark.holds("one")\ndef test_a():\n    pytest.skip("never")\n'

    assert [holding.runs for holding in in_module(text, "t.py")] == [False]


def test_one_that_is_skipped_somewhere_only_is_good():
    text = (
        'pytestmark = [pytest.mark.skipif(no_fuse(), reason="none")]\n'
        '@pytest.mark.holds("one")\ndef test_a():\n    if no():\n        pytest.skip("here")\n'
    )

    assert [holding.runs for holding in in_module(text, "t.py")] == [True]


@pytest.mark.parametrize("arguments", ["", "NAME", '*["one"]', 'id="one"'])
def test_a_mark_that_cannot_be_read_is_told(arguments):
    with pytest.raises(BadMark, match=r"t\.py:1"):
        list(in_module(f"@pytest.mark.holds({arguments})\ndef test_a(): ...\n", "t.py"))

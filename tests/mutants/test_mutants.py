"""The runner itself: what it changes and how it names that, and who is dead for it."""

import ast
import faulthandler
from textwrap import dedent

import pytest

from tests.mutants.__main__ import all_mutants, explained
from tests.mutants.apart import HERE, run_apart
from tests.mutants.operators import Mutant, enums_in, mutants_of, rewritten
from tests.mutants.recording import learn
from tests.mutants.trial import Trials

SOURCE = dedent(
    '''
    """Words."""
    class Door:
        """A door."""
        def may(self, age: int = 3) -> bool | None:
            """Tell."""
            log.info("asked", age=17)
            if age < 18 and not self.late:
                return None
            self.bell.ring()
            return Way.IN
    '''
)
WORDS = {"Way": ["IN", "OUT"]}


def told(source, words=WORDS):
    return [one.mutation for one in mutants_of("m", dedent(source), words)]


def test_a_mutant_is_named_by_its_function_and_its_change():
    mutants = mutants_of("m", SOURCE, WORDS)

    assert {(one.module, one.function) for one in mutants} == {("m", "Door.may")}
    assert [one.mutation for one in mutants] == [
        "3 -> 4",
        "age < 18 and (not self.late) -> age < 18 or not self.late",
        "age < 18 -> age <= 18",
        "age < 18 -> age < 19",
        "not self.late -> self.late",
        "return None -> pass",
        "self.bell.ring() -> pass",
        "return Way.IN -> return None",
        "Way.IN -> Way.OUT",
    ]


def test_lines_that_move_change_no_name():
    assert mutants_of("m", "\n\n" + SOURCE, WORDS) == mutants_of("m", SOURCE, WORDS)


def test_the_same_change_twice_in_a_function_is_numbered():
    assert told("def f(a):\n    g(a)\n    g(a)") == ["g(a) -> pass", "g(a) -> pass (2)"]


def test_a_mutant_differs_from_the_source_in_that_one_change():
    mutant = Mutant("m", "Door.may", "age < 18 -> age <= 18")

    was, now = ast.unparse(ast.parse(SOURCE)), rewritten(mutant, SOURCE, WORDS)

    assert now == was.replace("age < 18", "age <= 18")


def test_every_mutant_compiles_and_none_is_what_was():
    was = ast.unparse(ast.parse(SOURCE))

    for mutant in mutants_of("m", SOURCE, WORDS):
        now = rewritten(mutant, SOURCE, WORDS)
        compile(now, "m.py", "exec")
        assert now != was


def test_a_mutant_that_is_not_there_any_more_is_told():
    with pytest.raises(LookupError, match="no such mutant"):
        rewritten(Mutant("m", "Door.may", "age > 18 -> age >= 18"), SOURCE, WORDS)


def test_enums_are_found_by_their_bases():
    assert enums_in(
        ["class Way(StrEnum):\n    IN = 'in'\n    OUT = 'out'\nclass No:\n    A = 1"]
    ) == {"Way": ["IN", "OUT"]}


def test_every_explanation_tells_why_of_a_mutant_that_there_is():
    mutants, _words = all_mutants(HERE)

    kept = explained()

    assert set(kept) - set(mutants) == set()
    assert all(why.strip() for why in kept.values())


@pytest.fixture
def tree(tmp_path):
    """A tree of one module and one test."""
    faulthandler.cancel_dump_traceback_later()  # a forked pytest would wait for its thread for ever
    tree = tmp_path / "tree"
    (tree / "tests").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    (tree / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = []\n")
    (tree / "ages.py").write_text(
        "def may(age):\n    return age >= 18\n\ndef no():\n    return 1\n"
    )
    (tree / "tests" / "test_ages.py").write_text(
        "from ages import may\n\ndef test_may():\n    assert may(18)\n    assert not may(17)\n"
    )
    return tree


def test_a_mutant_that_a_test_minds_is_dead_and_one_that_none_reaches_lives(tree, tmp_path):
    source = (tree / "ages.py").read_text()
    reaches = learn(tree, tmp_path / "map.json", [tree / "ages.py"], ["tests/test_*.py"])
    trials = Trials(tree, reaches, {})

    lives = {str(one): trials.survives(one) for one in mutants_of("ages", source, {})}

    assert lives == {
        "ages:may: return age >= 18 -> return None": False,
        "ages:may: age >= 18 -> age > 18": False,
        "ages:may: age >= 18 -> age >= 19": False,
        "ages:no: return 1 -> return 2": True,
    }
    assert (tree / "ages.py").read_text() == source


def test_what_was_learnt_is_learnt_again_only_for_tests_that_changed(tree, tmp_path):
    kept = tmp_path / "map.json"
    packages, tests = [tree / "ages.py"], ["tests/test_*.py"]
    learnt = learn(tree, kept, packages, tests)
    (tree / "ages.py").unlink()

    assert learn(tree, kept, packages, tests) == learnt
    assert list(learnt["tests/test_ages.py"].functions) == ["ages:may"]


def test_one_that_hangs_is_ended(tree):
    def hang():
        while True:
            pass

    assert run_apart(hang, tree, limit=0.2) is None

"""What counts as the same screen, and what does not."""

import pytest

from tests.readme.transcripts import Step, fits, steps_of

PAGE = """
Text.

```
$ titip one
first
$ titip two | cat
```

```toml
[registry]
```

```
make test
```
"""


def test_the_commands_of_a_page_are_those_after_a_dollar_in_plain_blocks():
    assert steps_of(PAGE) == [Step("titip one", ("first",)), Step("titip two | cat", ())]


@pytest.mark.parametrize(
    ("shown", "came"),
    [
        (["kept 12.5 KiB in 3 s"], ["kept 1 GiB in 0.2 s"]),
        (["at 22:40:57, 2dfa9092"], ["at 01:02:03, ffffffff"]),
        (["…", "last"], ["one", "two", "last"]),
        (["first", "…"], ["first"]),
        (['{"upload": "f4f2dac3…", …}'], ['{"upload": "f4f2dac3ffffffff", "x": 1}']),
        ([" a   b ", " ─── "], ["a b", "", "─────────"]),
        ([], []),
    ],
)
def test_what_is_another_one_each_time_is_no_difference(shown, came):
    assert fits(shown, came)


@pytest.mark.parametrize(
    ("shown", "came"),
    [
        (["5 of 5 files"], ["4 of 5 files"]),
        (["one"], ["one", "two"]),
        (["one", "two"], ["one"]),
        (["…", "last"], ["last", "another"]),
        ([], ["a word"]),
        (["a.b"], ["axb"]),
    ],
)
def test_another_word_number_or_line_is_a_difference(shown, came):
    assert not fits(shown, came)

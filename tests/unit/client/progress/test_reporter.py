from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from client.plan import Item
from client.progress.bars import BarProgress, face_for
from client.progress.reporter import LineProgress
from client.progress.wording import closing_lines
from client.proof import Proof
from client.report import Outcome, PushReport, PushResult
from titip.text import amount, seen

NASTY = "[bold red]x[/] :smile: \x1b[31m\u202efdp.exe\n{task}"
PROOF = Proof(upload="u1", sha256="ab" * 32, sealed_at="")


def outcome(name, fate, reason=""):
    proof = PROOF if fate in {PushResult.PROVEN, PushResult.ALREADY} else None
    return Outcome(path=Path(name), relative=name, size=2048, fate=fate, proof=proof, reason=reason)


def report(*outcomes, **more):
    return PushReport(server="https://x", outcomes=outcomes, seconds=2.0, **more)


@given(st.text())
def test_whatever_a_name_holds_it_is_shown_on_one_line_without_control(text):
    shown = seen(text)

    assert all(sign.isprintable() or sign in "\u200c\u200d" for sign in shown)


@given(st.text(), st.text())
def test_different_names_look_different(one, other):
    assert (seen(one) == seen(other)) == (one == other)


def test_names_in_any_script_stay_as_they_are():
    assert seen("кпу क्‍ष می‌خواهم 文書.pdf") == "кпу क्‍ष می‌خواهم 文書.pdf"


def test_a_finished_push_says_that_nothing_was_sent():
    lines = closing_lines(report(*[outcome(str(n), PushResult.ALREADY) for n in range(2000)]))

    assert lines == ["2,000 of 2,000 files are already proven at the gateway; nothing was sent."]


def test_the_summary_names_what_failed_and_the_next_step():
    done = report(
        outcome("a", PushResult.PROVEN),
        outcome("b", PushResult.FAILED, "may not be read"),
        outcome("c", PushResult.LEFT),
        stopped="the token was refused",
    )

    text = "\n".join(closing_lines(done))

    assert "1 of 3 files are proven at https://x" in text
    assert "b: may not be read" in text
    assert "Stopped early: the token was refused" in text
    assert "1 file not finished" in text
    assert "Run the same command again" in text


def test_a_long_list_of_failures_is_cut():
    text = closing_lines(report(*[outcome(str(n), PushResult.FAILED, "no") for n in range(50)]))

    assert "... and 30 more" in text[-2]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (report(), 1),
        (report(outcome("a", PushResult.PROVEN), outcome("b", PushResult.ALREADY)), 0),
        (report(outcome("a", PushResult.PROVEN), outcome("b", PushResult.FAILED)), 1),
        (report(outcome("a", PushResult.PROVEN), outcome("b", PushResult.LEFT)), 1),
        (report(outcome("a", PushResult.PROVEN), interrupted=True), 130),
    ],
)
def test_the_exit_code_is_zero_only_when_every_file_is_proven(told, code):
    assert told.exit_code == code


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1,023 bytes"),
        (1536, "1.5 KiB"),
        (1 << 62, "4194304.0 TiB"),
    ],
)
def test_sizes_are_written_for_people(size, words):
    assert amount(size) == words


def play(face):
    item = Item(Path(NASTY), NASTY, 1 << 21, 0)
    done = Outcome(
        path=item.path, relative=NASTY, size=item.size, fate=PushResult.FAILED, reason="[/nonsense]"
    )
    face.open(files=3, size=3 << 21)
    face.start(item)
    face.advance(item, 1 << 20)
    face.wait(item, "[the line is silent]", 3.0)
    face.advance(item, 1 << 10)
    face.finish(done)
    face.finish(outcome("b", PushResult.PROVEN))
    face.finish(outcome("c", PushResult.ALREADY))
    face.close(report(done, outcome("b", PushResult.PROVEN), outcome("c", PushResult.ALREADY)))


def test_bars_take_names_for_words_not_for_markup():
    screen = io.StringIO()

    play(BarProgress(Console(file=screen, force_terminal=True, width=200, color_system=None)))

    assert r"[bold red]x[/] :smile: \x1b[31m\u202efdp.exe\n{task}: [/nonsense]" in screen.getvalue()
    assert "\x1b[31m" not in screen.getvalue()


def test_plain_lines_take_any_encoding():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")

    play(LineProgress(stream))
    LineProgress(stream).finish(outcome("文書", PushResult.PROVEN))

    lines = raw.getvalue().decode().splitlines()
    assert r"[bold red]x[/] :smile: \x1b[31m\u202efdp.exe\n{task}: [/nonsense]" in lines[1]
    assert r"\u6587\u66f8" in lines[-1]


def test_a_trouble_that_many_files_share_is_said_once():
    stream = io.StringIO()
    face = LineProgress(stream)

    for n in range(5):
        face.wait(Item(Path(str(n)), str(n), 1, 0), "the gateway cannot be reached", 1)

    assert len(stream.getvalue().splitlines()) == 1


def test_what_is_no_terminal_gets_plain_lines():
    assert isinstance(face_for(io.StringIO()), LineProgress)

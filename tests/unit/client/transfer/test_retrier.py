from __future__ import annotations

import threading

import pytest

from client.errors import FatalError, NetworkError, Refused, Stopped, TransientError
from client.options import Patience
from client.transfer.retrier import ProgressClock, Retrier

SHORT = Patience(floor=0.001, ceiling=0.002, give_up_after=0.02)


@pytest.fixture
def stop():
    return threading.Event()


@pytest.fixture
def pulse():
    return ProgressClock()


class Step:
    def __init__(self, *troubles):
        self.troubles = list(troubles)
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.troubles:
            raise self.troubles.pop(0)
        return "done"


def always(trouble):
    def step():
        raise trouble

    return step


def ignore(reason, seconds):
    pass


def test_a_step_is_tried_until_it_works(stop, pulse):
    step, told = Step(TransientError("first"), NetworkError("second")), []

    result = Retrier(SHORT, stop=stop, pulse=pulse).until_progress(
        step, tell=lambda reason, _: told.append(reason)
    )

    assert (result, step.calls, told) == ("done", 3, ["first", "second"])


def test_the_pauses_grow_within_their_bounds(stop, pulse):
    patience = Patience(floor=0.0001, ceiling=0.002, give_up_after=0)
    pauses = []
    step = Step(*[TransientError("again")] * 40)

    Retrier(patience, stop=stop, pulse=pulse).until_progress(
        step, tell=lambda _, seconds: pauses.append(seconds)
    )

    assert max(pauses[:2]) <= 0.0004
    assert 0.0004 < max(pauses) <= 0.002


def test_nobody_is_asked_before_the_time_they_named(stop, pulse):
    patience = Patience(floor=0.001, longest_retry_after=0.01)
    pauses = []

    Retrier(patience, stop=stop, pulse=pulse).until_progress(
        Step(
            TransientError("later", not_before=0.005), TransientError("much later", not_before=9999)
        ),
        tell=lambda _, seconds: pauses.append(seconds),
    )

    assert 0.005 <= pauses[0] <= 0.006
    assert 0.01 <= pauses[1] <= 0.011


def test_one_file_without_progress_is_given_up_alone(stop, pulse):
    persistence = Retrier(SHORT, stop=stop, pulse=pulse)

    with pytest.raises(Refused, match="no progress"):
        persistence.until_progress(always(TransientError("500")), tell=ignore)


def test_the_second_in_a_row_stops_everything(stop, pulse):
    persistence = Retrier(SHORT, stop=stop, pulse=pulse)
    pulse.give_up()

    with pytest.raises(FatalError, match="no progress"):
        persistence.until_progress(always(TransientError("500")), tell=ignore)


def test_a_dead_line_stops_everything_at_once(stop, pulse):
    persistence = Retrier(SHORT, stop=stop, pulse=pulse)

    with pytest.raises(FatalError):
        persistence.until_progress(always(NetworkError("dead")), tell=ignore)


def test_progress_elsewhere_keeps_the_rest_going(stop, pulse):
    persistence = Retrier(SHORT, stop=stop, pulse=pulse)

    with pytest.raises(Refused):
        persistence.until_progress(always(NetworkError("dead")), tell=lambda *_: pulse.beat())


def test_what_is_no_passing_trouble_is_not_tried_again(stop, pulse):
    step = Step(Refused("no"))

    with pytest.raises(Refused, match="no"):
        Retrier(SHORT, stop=stop, pulse=pulse).until_progress(step, tell=ignore)

    assert step.calls == 1


def test_a_stop_ends_the_longest_pause(stop, pulse):
    with pytest.raises(Stopped):
        Retrier(Patience(), stop=stop, pulse=pulse).until_progress(
            always(TransientError("wait", not_before=300)), tell=lambda *_: stop.set()
        )

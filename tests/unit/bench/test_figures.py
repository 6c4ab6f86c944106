"""How the bench counts: medians, ratios pair by pair, runs in turn, and whole answers only."""

from __future__ import annotations

import pytest

from bench.figures import Line, Spread
from bench.report import number
from bench.turns import in_turn
from bench.wire import Reply, WrongAnswer, reply_in


def test_a_spread_is_the_median_between_the_extremes():
    assert Spread.of([9.0, 1.0, 2.0]) == Spread(2.0, 1.0, 9.0)


def test_a_ratio_compares_runs_that_were_next_to_each_other_in_time():
    base = Line("base", [{"rate": 100.0}, {"rate": 10.0}, {"rate": 100.0}])
    other = Line("other", [{"rate": 200.0}, {"rate": 20.0}, {"rate": 300.0}])

    assert other.ratio(base) == Spread(2.0, 2.0, 3.0)


def test_a_measure_that_no_run_has_gives_no_spread():
    assert Line("one", [{"rate": 1.0}]).spread("cpu") is None


def test_runs_are_made_in_turn_after_one_each_that_does_not_count():
    order: list[str] = []

    def contestant(name: str):
        def run() -> dict[str, float]:
            order.append(name)
            return {"rate": float(len(order))}

        return run

    lines = in_turn({"a": contestant("a"), "b": contestant("b")}, runs=2)

    assert order == ["a", "b", "a", "b", "a", "b"]
    assert [run["rate"] for run in lines[0].runs] == [3.0, 5.0]


@pytest.mark.parametrize(
    ("value", "written"),
    [(12345.6, "12,346"), (12.345, "12.3"), (1.5, "1.5"), (0.0123, "0.012")],
)
def test_a_number_has_the_digits_that_mean_something(value: float, written: str):
    assert number(value) == written


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\nUpload-Offset: 7\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nupload-offset: 7\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 204 OK\r\nUpload-Offset: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_an_answer_counts_once_it_is_all_there(answer: bytes):
    buffer = bytearray()
    for byte in answer[:-1]:
        buffer.append(byte)
        assert reply_in(buffer) is None

    buffer += answer[-1:] + b"HTTP/1.1"
    reply = reply_in(buffer)

    assert reply is not None
    reply.must_be(204, offset=7)
    assert buffer == b"HTTP/1.1"


def test_a_server_that_keeps_less_than_was_sent_is_not_measured():
    reply = Reply(204, b"HTTP/1.1 204 No Content\r\nUpload-Offset: 6")

    with pytest.raises(WrongAnswer):
        reply.must_be(204, offset=7)


def test_the_path_of_a_location_is_taken_whatever_its_host():
    reply = Reply(201, b"HTTP/1.1 201 Created\r\nLocation: http://127.0.0.1:1/files/abc")

    assert reply.location() == "/files/abc"

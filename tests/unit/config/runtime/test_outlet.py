"""What is printed while it serves: nobody waits for its reader, and what is lost is told."""

import atexit
import errno
import fcntl
import io
import os
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.runtime import outlet as outlets
from config.runtime.outlet import Outlet, take_over
from tests.waiting import wait_for


@contextmanager
def a_pipe(**how):
    """Give an outlet into a pipe, and the end of it that reads."""
    reading, writing = os.pipe()
    outlet = Outlet(writing, notice=lambda count: f"lost {count}\n", **how)
    try:
        yield outlet, reading
    finally:
        with suppress(OSError):
            os.close(reading)  # ends a write that hangs
        assert outlet.drain(10)
        outlet.close()
        os.close(writing)


def read_all(outlet, reading):
    """Read until the outlet has nothing left, and give the lines."""
    os.set_blocking(reading, False)
    read = bytearray()

    def over():
        with suppress(BlockingIOError):
            while piece := os.read(reading, 1 << 16):
                read.extend(piece)
        return outlet.drain(0)

    wait_for(over)
    over()
    return bytes(read).decode().splitlines()


def numbered(count, *, start=0):
    return [f"{number} ".ljust(99, ".") for number in range(start, start + count)]


def fill(outlet, lines):
    for line in lines:
        outlet.write(f"{line}\n".encode())


def accounted(read):
    """Give how many lines were read or told as lost, and how many of these were lost."""
    place = lost = 0
    for line in read:
        told = int(line.split()[1]) if line.startswith("lost ") else 0
        assert told or line == numbered(1, start=place)[0]
        place += told or 1
        lost += told
    return place, lost


def test_a_reader_that_stands_still_holds_nobody_up_and_is_told_what_it_missed():
    with a_pipe(lines=50) as (outlet, reading):
        fill(outlet, numbered(5000))
        dropped = outlet.dropped
        read = read_all(outlet, reading)

    assert dropped >= 5000 - 50 - (1 << 16) // 100 - 1
    assert accounted(read) == (5000, dropped)


def test_a_loss_is_told_at_once_when_the_reader_goes_on_and_before_what_comes_next():
    with a_pipe(lines=50) as (outlet, reading):
        fill(outlet, numbered(2000))
        first = read_all(outlet, reading)
        fill(outlet, numbered(3, start=2000))
        second = read_all(outlet, reading)

    assert accounted(first) == (2000, outlet.dropped)
    assert second == numbered(3, start=2000)


def test_what_waits_is_bounded_in_bytes_too():
    with a_pipe(size=100_000) as (outlet, reading):
        outlet.write(b"y" * 100_001 + b"\n")
        fill(outlet, numbered(5000))
        kept = 5001 - outlet.dropped
        read = read_all(outlet, reading)

    assert kept * 100 <= 100_000 + (1 << 16) + 100
    assert sum(int(line.split()[1]) for line in read if line.startswith("lost")) == 5001 - kept


def test_a_text_of_many_lines_is_lost_as_so_many():
    with a_pipe(lines=10) as (outlet, _):
        outlet.write(b"Traceback\n" * 11)

        assert outlet.dropped == 11


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.one_of(st.integers(1, 400), st.none()), min_size=1, max_size=8))
def test_every_line_is_read_in_its_order_or_counted(steps):
    """`None` reads all there is; a number writes so many lines."""
    read, written = [], 0
    with a_pipe(lines=30, size=4000) as (outlet, reading):
        for step in steps:
            if step is None:
                read += read_all(outlet, reading)
            else:
                fill(outlet, numbered(step, start=written))
                written += step
        read += read_all(outlet, reading)
        dropped = outlet.dropped

    assert accounted(read) == (written, dropped)


def test_a_reader_that_went_away_disturbs_nobody():
    with a_pipe() as (outlet, reading):
        os.close(reading)
        fill(outlet, numbered(20))

        assert outlet.drain(10)
        assert outlet.dropped == 20


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_disturbs_nobody():
    with Path("/dev/full").open("wb", buffering=0) as full:
        outlet = Outlet(full.fileno(), notice=lambda count: f"lost {count}\n")
        fill(outlet, numbered(20))

        assert outlet.drain(10)
        assert outlet.dropped == 20
        outlet.close()


def test_a_disk_that_has_room_again_is_told_what_it_missed(monkeypatch):
    write, answers = os.write, [lambda fd, data: write(fd, data[:4]), no_room]

    def disk(fd, data):
        return (answers.pop(0) if answers else write)(fd, data)

    with a_pipe() as (outlet, reading):
        monkeypatch.setattr(os, "write", disk)
        fill(outlet, ["torn line"])
        assert outlet.drain(10)
        fill(outlet, ["whole line"])
        read = read_all(outlet, reading)

    assert read == ["torn", "lost 1", "whole line"]


def no_room(_fd, _data):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_that_another_program_made_non_blocking_loses_nothing():
    with a_pipe() as (outlet, reading):
        flags = fcntl.fcntl(outlet.fileno(), fcntl.F_GETFL)
        fcntl.fcntl(outlet.fileno(), fcntl.F_SETFL, flags | os.O_NONBLOCK)
        fill(outlet, numbered(2000))
        read = read_all(outlet, reading)

    assert read == numbered(2000)


def test_an_outlet_outlives_a_notice_that_cannot_be_rendered():
    reading, writing = os.pipe()
    outlet = Outlet(writing, notice=lambda _count: str(1 // 0), lines=10)
    outlet.write(b"line\n" * 11)
    assert outlet.drain(10)
    outlet.write(b"next\n")

    assert read_all(outlet, reading) == ["next"]
    outlet.close()
    os.close(writing)
    os.close(reading)


def test_at_the_end_nobody_waits_long_for_a_reader_that_stands_still():
    with a_pipe() as (outlet, _):
        fill(outlet, numbered(2000))

        assert not outlet.drain(0.01)
        outlets.Outlets(outlet).drain(0.01)


def test_whatever_is_printed_goes_through_the_outlets(monkeypatch):
    at_exit = list[object]()
    pipes = {name: os.pipe() for name in ("stdout", "stderr")}
    with ExitStack() as stack:
        for name, (_, writing) in pipes.items():
            stream = stack.enter_context(io.TextIOWrapper(os.fdopen(writing, "wb", 0)))
            monkeypatch.setattr(sys, name, stream)
        monkeypatch.setattr(atexit, "register", at_exit.append)
        monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
        taken = take_over(notice=str)
        print("welcome \ud800")  # noqa: T201 - what this is about
        print("a traceback", file=sys.stderr)  # noqa: T201 - as above
        failing = threading.Thread(target=lambda: 1 // 0)
        failing.start()
        failing.join()
        print("without an end", end="", file=sys.stderr)  # noqa: T201 - as above
        taken.drain(10)
        told = {name: os.read(reading, 1 << 16).decode() for name, (reading, _) in pipes.items()}
        sys.stdout.close()
        sys.stderr.close()
    for reading, _ in pipes.values():
        os.close(reading)

    assert told["stdout"] == "welcome \\ud800\n"
    assert told["stderr"].startswith("a traceback\n")
    assert "ZeroDivisionError" in told["stderr"]
    assert told["stderr"].endswith("\nwithout an end")
    assert (at_exit, taken.dropped) == ([taken.drain], 0)


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_stream_without_an_open_file_stays_what_it_is(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)

    take_over(notice=str).drain()

    assert sys.stdout is sys.stderr is stream

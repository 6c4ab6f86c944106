from __future__ import annotations

import hashlib
import os
import threading

import pytest

from client.errors import Refused, Stopped
from client.plan import walk
from client.transfer.digest import BLOCK, digest
from client.transport.connection import Slice


@pytest.fixture
def stop():
    return threading.Event()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * (BLOCK // 256) + b"end")
    os.utime(path, (1e9, 1e9))
    return path


def found(file):
    [item] = walk([file])
    return item


def test_a_file_is_digested_whole(file, stop):
    item = found(file)

    taken = digest(item, stop=stop)

    assert taken.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert taken.settled


def test_a_file_written_just_now_may_change_unseen(file, stop):
    os.utime(file)
    item = found(file)

    assert not digest(item, stop=stop).settled


def test_a_file_that_changed_since_it_was_found_is_refused(file, stop):
    item = found(file)
    file.write_bytes(b"other")

    with pytest.raises(Refused, match="changed"):
        digest(item, stop=stop)


def test_a_file_that_is_gone_is_refused(file, stop):
    item = found(file)
    file.unlink()

    with pytest.raises(Refused, match="cannot be read"):
        digest(item, stop=stop)


def test_a_stop_ends_the_reading(file, stop):
    item = found(file)
    stop.set()

    with pytest.raises(Stopped):
        digest(item, stop=stop)


def test_a_slice_gives_its_part_and_tells_each_block(file, stop):
    moved: list[int] = []
    with file.open("rb") as stream:
        stream.seek(10)
        part = Slice(stream, 100, stop=stop, moved=moved.append)

        blocks = [part.read(60), part.read(60), part.read(60)]

    assert b"".join(blocks) == bytes(range(10, 110))
    assert (len(part), moved) == (100, [60, 40, 0])


def test_a_slice_of_a_file_that_became_shorter_says_so(file, stop):
    with file.open("rb") as stream:
        part = Slice(stream, BLOCK * 2, stop=stop, moved=lambda _: None)

        with pytest.raises(Refused, match="shorter"):
            part.read()


def test_a_stop_ends_a_slice(file, stop):
    stop.set()
    with file.open("rb") as stream, pytest.raises(Stopped):
        Slice(stream, 10, stop=stop, moved=lambda _: None).read(5)

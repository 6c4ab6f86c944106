"""The order to stop: heard in the loop, once, and carried out in time whatever hangs."""

import asyncio
import threading
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from config.runtime import stopping
from config.runtime.listening import bound_sockets, close_all
from config.runtime.stopping import StopOrder
from storage.files.process_lock import AlreadyRunning, tenure
from tests.waiting import until, wait_for


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(stopping, "SOON", 0.0)
    monkeypatch.setattr(stopping, "EACH", 0.05)


def see_to_it(order, *, within):
    left: list[int] = []
    seeing = threading.Thread(target=lambda: order.see_to_it(within=within, leave=left.append))
    seeing.start()
    return seeing, left


async def test_an_order_is_heard_in_the_loop_whenever_it_was_given():
    order = StopOrder()
    early = order.heard()
    await asyncio.to_thread(order.give)
    await until(early.is_set)

    order.give()

    assert order.heard().is_set()


def test_an_order_after_the_loop_was_closed_disturbs_nobody():
    order = StopOrder()

    async def listen():
        return order.heard()

    asyncio.run(listen())
    order.give()


def test_what_ends_in_order_is_left_with_its_own_code(hurried):
    order, acts = StopOrder(), []
    order.at_last(lambda: acts.append("closed"))
    order.code = 1
    seeing, left = see_to_it(order, within=30)

    order.over()
    seeing.join(10)

    assert (left, acts) == ([1], [])


def test_what_takes_too_long_is_closed_the_newest_first_and_left(hurried):
    order, acts, never = StopOrder(), [], threading.Event()
    order.at_last(lambda: acts.append("lock"))
    order.at_last(never.wait)
    order.at_last(lambda: int("x"))
    order.at_last(lambda: acts.append("port"))

    with capture_logs() as logged:
        seeing, left = see_to_it(order, within=0)
        seeing.join(10)
    never.set()

    assert left == [0]
    assert acts == ["port", "lock"]
    assert [one["event"] for one in logged] == ["titip.forced", "titip.stopped"]


def test_a_role_that_was_released_by_name_is_free_although_its_file_is_open(tmp_path):
    with tenure(tmp_path, "gateway") as held:
        with pytest.raises(AlreadyRunning), tenure(tmp_path, "gateway"):
            pass
        held.release()
        with tenure(tmp_path, "gateway"):
            held.release()
            with pytest.raises(AlreadyRunning), tenure(tmp_path, "gateway"):
                pass


@pytest.mark.parametrize("listen", ["127.0.0.1:0", ":0", "localhost:0", "[::1]:0"])
def test_a_port_is_bound_and_closed_from_any_thread(listen):
    try:
        sockets = bound_sockets(listen)
    except OSError:
        pytest.skip(f"this machine has no {listen}")
    for one in sockets:
        one.listen()

    threading.Thread(target=close_all, args=(sockets,)).start()

    wait_for(lambda: all(one.fileno() < 0 for one in sockets))
    with suppress(OSError):
        close_all(sockets)


def test_an_address_in_use_is_refused_and_leaves_nothing_open():
    (first,) = bound_sockets("127.0.0.1:0")
    first.listen()
    try:
        with pytest.raises(OSError, match="in use"):
            bound_sockets(f"127.0.0.1:{first.getsockname()[1]}")
    finally:
        close_all([first])


@pytest.mark.parametrize("in_order", [True, False])
def test_the_last_words_are_out_before_the_process_is_left(hurried, in_order):
    order, said = StopOrder(), list[object]()
    order.last_words = lambda: said.append("last words")
    if in_order:
        order.over()
    with capture_logs():
        order.see_to_it(within=0, leave=said.append)

    assert said == ["last words", 0]

"""Threads for what may hang: as many as are needed, used again, and none that holds up an end."""

import asyncio
import threading

import pytest

from sync.threads import DaemonThreads, in_thread


async def test_calls_that_hang_keep_no_other_call_waiting():
    let_go = threading.Event()
    hanging = [asyncio.create_task(in_thread(let_go.wait)) for _ in range(64)]
    await asyncio.sleep(0)

    assert await in_thread(lambda: "still here") == "still here"

    let_go.set()
    assert all(await asyncio.gather(*hanging))


async def test_an_idle_thread_is_used_again_and_holds_up_no_end():
    threads, loop = DaemonThreads("t"), asyncio.get_running_loop()

    used = [await loop.run_in_executor(threads, threading.current_thread) for _ in range(50)]

    assert len(set(used)) < 50  # one that is not idle yet is not waited for
    assert all(one.daemon for one in used)


async def test_what_a_call_raises_reaches_whoever_waits():
    with pytest.raises(ValueError, match="x"):
        await in_thread(lambda: int("x"))

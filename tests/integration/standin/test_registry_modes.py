"""Each way in which the registry that stands in can be ill, seen from the sender's side."""

import asyncio
import io

import aiohttp
import pytest

from standin import remote_control
from standin.registry.modes import MODES, describe_mode, parse_mode
from standin.registry.server import RegistryOptions, serve_registry
from tests.waiting import until

BODY = b"x" * 300_000
BOUND_SECONDS = 5


@pytest.fixture
async def registry():
    async with serve_registry() as running:
        yield running


async def hand_in(http, registry, *, key="u1", body=BODY, seconds=BOUND_SECONDS):
    """Give the status of one hand-in, or "cut" or "timeout"."""
    data = aiohttp.FormData()
    data.add_field("key", key)
    data.add_field("file", io.BytesIO(body), filename="f.bin")
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with http.post(registry.intake_url, data=data, timeout=timeout) as response:
            await response.read()
            return response.status
    except TimeoutError:
        return "timeout"
    except aiohttp.ClientError:
        return "cut"


async def ask(http, url, *, seconds=BOUND_SECONDS):
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with http.get(url, timeout=timeout) as response:
            return response.status
    except TimeoutError:
        return "timeout"
    except aiohttp.ClientError:
        return "cut"


@pytest.mark.parametrize("name", sorted(MODES))
def test_every_mode_reads_back_from_its_own_description(name):
    mode = parse_mode({"mode": name})

    assert parse_mode(describe_mode(mode)) == mode


async def test_a_slow_registry_has_stored_the_file_before_it_answers(http, registry):
    registry.set_mode("slow", seconds=60)
    sending = asyncio.create_task(hand_in(http, registry))
    await until(lambda: registry.stats()["received"] == 1)

    assert not sending.done()
    assert await ask(http, f"{registry.url}/intake/u1") == 200

    registry.set_mode("healthy")
    assert await sending == 201
    assert registry.stats()["received"] == 1


async def test_a_slow_registry_answers_after_its_delay(http, registry):
    registry.set_mode("slow", seconds=0.2, store_late=True)
    began = asyncio.get_running_loop().time()

    assert await hand_in(http, registry) == 201
    assert asyncio.get_running_loop().time() - began >= 0.2


async def test_a_stalled_registry_takes_the_body_and_neither_answers_nor_stores(http, registry):
    registry.set_mode("stalled")

    assert await hand_in(http, registry, seconds=0.3) == "timeout"
    await until(lambda: registry.stats()["in_flight"] == 0)
    assert registry.stats()["received"] == 0


async def test_a_stalled_hand_in_ends_with_503_when_the_registry_recovers(http, registry):
    registry.set_mode("stalled")
    sending = asyncio.create_task(hand_in(http, registry))
    await until(lambda: registry.stats()["waiting"] == 1)

    registry.set_mode("healthy")

    assert await sending == 503
    assert registry.stats()["received"] == 0
    assert registry.stats()["requests_by_mode"] == {"stalled": 1}


@pytest.mark.parametrize(("mode", "params"), [("stalled", {"cuts": True}), ("slow", {})])
async def test_a_hand_in_that_waits_is_cut_when_the_registry_goes_down(
    http, registry, mode, params
):
    registry.set_mode(mode, **params)
    sending = asyncio.create_task(hand_in(http, registry))
    await until(lambda: registry.stats()["waiting"] == 1)

    registry.set_mode("down")

    assert await sending == "cut"


@pytest.mark.parametrize(
    ("params", "expected"),
    [({}, 503), ({"health_lies": True}, 200), ({"health_hangs": True}, "timeout")],
)
async def test_a_stalled_registry_says_of_its_health_what_it_was_told_to(
    http, registry, params, expected
):
    registry.set_mode("stalled", **params)

    assert await ask(http, registry.health_url, seconds=0.3) == expected


async def test_a_stalled_registry_hangs_on_questions_unless_it_was_told_not_to(http, registry):
    registry.set_mode("stalled")
    assert await ask(http, f"{registry.url}/intake/u1", seconds=0.3) == "timeout"

    registry.set_mode("stalled", lookup_works=True)
    assert await ask(http, f"{registry.url}/intake/u1") == 404


async def test_a_registry_that_is_down_cuts_every_connection(http, registry):
    registry.set_mode("down")

    assert await hand_in(http, registry) == "cut"
    assert await ask(http, registry.health_url) == "cut"
    assert await ask(http, f"{registry.url}/intake/u1") == "cut"
    assert registry.stats()["received"] == 0


@pytest.mark.parametrize(("mode", "status"), [("bad_gateway", 502), ("expired", 419)])
async def test_a_broken_front_answers_its_status_to_everything(http, registry, mode, status):
    registry.set_mode(mode)

    assert await hand_in(http, registry) == status
    assert await ask(http, f"{registry.url}/intake/u1") == status
    assert await ask(http, registry.intake_url) == status
    assert await ask(http, registry.health_url) == status

    registry.set_mode(mode, health_lies=True)
    assert await ask(http, registry.health_url) == 200
    assert registry.stats()["received"] == 0


async def test_a_fault_with_a_number_of_times_passes(http, registry):
    registry.set_mode("bad_gateway", times=2)

    assert [await hand_in(http, registry) for _ in range(3)] == [502, 502, 201]


async def test_a_fault_strikes_every_nth_hand_in_and_leaves_questions_alone(http, registry):
    registry.set_mode("refusing", every=2)

    assert [await hand_in(http, registry) for _ in range(4)] == [201, 422, 201, 422]
    assert await ask(http, f"{registry.url}/intake/u1") == 200


async def test_a_throttled_registry_names_a_time_to_come_back(http, registry):
    registry.set_mode("throttled", per_second=1, retry_after=7)

    assert await hand_in(http, registry) == 201
    async with http.post(registry.intake_url, data=b"x") as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "7"


@pytest.mark.parametrize(("params", "expected"), [({}, "cut"), ({"status": 504}, 504)])
async def test_a_lost_answer_leaves_the_file_stored(http, registry, params, expected):
    registry.set_mode("lost_answer", times=1, **params)

    assert await hand_in(http, registry) == expected
    assert registry.stats()["received"] == 1
    assert await ask(http, f"{registry.url}/intake/u1") == 200
    assert await hand_in(http, registry) == 201


async def test_over_its_capacity_the_registry_refuses(http, registry):
    registry.set_mode("slow", seconds=60)
    waiting = [asyncio.create_task(hand_in(http, registry, key=str(n))) for n in range(2)]
    await until(lambda: registry.stats()["received"] == 2)
    registry.set_mode("capacity", limit=0, retry_after=3)

    async with http.post(registry.intake_url, data=b"x") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "3")
    assert [await one for one in waiting] == [201, 201]
    assert registry.stats()["received"] == 2


async def test_over_its_capacity_the_registry_crawls_when_told_to(http, registry):
    registry.set_mode("capacity", limit=1, slows=True, seconds=0.05)
    began = asyncio.get_running_loop().time()

    statuses = await asyncio.gather(*(hand_in(http, registry, key=str(n)) for n in range(3)))

    assert statuses == [201, 201, 201]
    assert asyncio.get_running_loop().time() - began >= 0.2
    assert registry.stats()["peak_in_flight"] == 3


async def test_a_registry_that_stops_reading_goes_on_when_it_is_well(http, registry):
    registry.set_mode("read_stall", after_bytes=100_000)
    body = b"y" * 30_000_000
    sending = asyncio.create_task(hand_in(http, registry, body=body))
    await until(lambda: registry.stats()["in_flight"] == 1)
    done, _ = await asyncio.wait([sending], timeout=0.2)
    assert not done

    registry.set_mode("healthy")

    assert await sending == 201
    assert registry.stats()["bytes"] == len(body)


async def test_a_sender_that_leaves_midway_leaves_nothing_behind(tmp_path):
    async with serve_registry(RegistryOptions(folder=tmp_path)) as registry:
        reader, writer = await asyncio.open_connection("127.0.0.1", registry.port)
        writer.write(b"POST /intake HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
        await until(lambda: registry.stats()["in_flight"] == 1)
        writer.close()
        await writer.wait_closed()
        await until(lambda: registry.stats()["in_flight"] == 0)

        assert await reader.read() == b""
        assert registry.stats()["received"] == 0
        assert not list((tmp_path / "incoming").iterdir())


async def test_the_switch_works_from_a_plain_program(registry):
    answer = await asyncio.to_thread(remote_control.set_mode, registry.url, "slow", seconds=2)
    stats = await asyncio.to_thread(remote_control.read_stats, registry.url)
    entries = await asyncio.to_thread(remote_control.read_entries, registry.url)

    assert answer == {"mode": "slow", "seconds": 2.0, "store_late": False}
    assert stats["mode"] == "slow"
    assert entries == []


@pytest.mark.parametrize(
    ("url", "mode", "words"),
    [
        (None, "tired", "choose one of"),
        ("ftp://x", "slow", "looks like"),
        ("", "slow", "looks like"),
    ],
)
async def test_a_switch_that_cannot_work_says_why(registry, url, mode, words):
    with pytest.raises(remote_control.StandinTrouble, match=words):
        await asyncio.to_thread(remote_control.set_mode, registry.url if url is None else url, mode)


async def test_a_switch_without_a_stand_in_says_so():
    async with serve_registry() as gone:
        pass

    with pytest.raises(remote_control.StandinTrouble, match="no stand-in answers"):
        await asyncio.to_thread(remote_control.read_stats, gone.url)

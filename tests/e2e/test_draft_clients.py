"""Clients of the IETF draft hand a file in over a bad line, through the real gateway and store."""

import asyncio
import hashlib
import json
from dataclasses import replace
from random import Random

import pytest

from gateway.ingest.min_rate import Pace
from gateway.options import GatewayOptions
from tests.concat_fixtures import opened_door
from tests.e2e.draft_client import DraftClient
from tests.fault_proxy import CutAfter, LoseAnswer, Reset, fault_proxy
from tests.gateway_fixtures import id_of
from titip.metadata import filename
from titip.upload import UploadState

pytestmark = pytest.mark.e2e

MIB = 1 << 20
DATA = Random(8).randbytes(6 * MIB + 12345)
PACE = Pace(commit_bytes=MIB // 2, batch=256 << 10, idle=60.0)
"""Commits often, so that there are offsets to tell."""

RATE = 64 * MIB
"""Bytes a second: slow enough for offsets to be told on the way."""

KINDS = pytest.mark.parametrize(
    ("version", "hears"), [(8, True), (8, False), (6, True), (6, False)]
)


@pytest.fixture
async def door(tmp_path):
    async with opened_door(tmp_path, GatewayOptions(reserve=0, pace=PACE)) as running:
        yield running


@pytest.fixture
async def line(door):
    async with fault_proxy(door.port) as proxy:
        yield proxy


def client(door, line, **told):
    token = door.lo["Authorization"].removeprefix("Bearer ")
    return DraftClient(f"{line.url}/files/", token, **told)


async def kept(door, location):
    """Give the upload and the bytes that the spool holds."""
    upload = await door.store.find(id_of(location))
    return upload, await asyncio.to_thread(door.house.spool.path(upload.id).read_bytes)


@pytest.mark.holds("titip:client-104", "titip:cut-keeps")
@KINDS
async def test_a_file_goes_on_where_the_line_was_cut(door, line, version, hears):
    line.plan(CutAfter(2 * MIB, rate=RATE), Reset(MIB), CutAfter(MIB + 1))
    sender = client(door, line, version=version, hears=hears)

    answer = await sender.hand_in(DATA)

    upload, spooled = await kept(door, sender.location)
    assert line.struck == 3
    assert (upload.state, spooled) == (UploadState.SEALED, DATA)
    assert filename(upload.metadata) == "surat.pdf"
    assert json.loads(answer.body)["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert line.up < 1.5 * len(DATA)
    assert sender.offsets == sorted(sender.offsets)
    assert bool(sender.offsets) == hears


@pytest.mark.holds("titip:client-104", "draft:resource-kept")
@KINDS
async def test_a_lost_last_answer_loses_nothing(door, line, version, hears):
    line.plan(LoseAnswer(count=len(DATA)))
    sender = client(door, line, version=version, hears=hears)

    answer = await sender.hand_in(DATA)

    upload, spooled = await kept(door, sender.location)
    assert (answer, line.struck) == (None, 1)
    assert (upload.state, spooled) == (UploadState.SEALED, DATA)


@pytest.mark.holds("titip:offset-stable", "draft:offset-acknowledges")
async def test_what_a_104_told_is_on_the_disk_after_the_worst(door, line):
    line.plan(Reset(4 * MIB, rate=RATE))
    sender = client(door, line, version=8)
    told = {"Upload-Complete": "?1", "Upload-Length": str(len(DATA))}

    await sender._ask("POST", sender.endpoint, told, DATA)  # noqa: SLF001

    told_offset = sender.offsets[-1]
    upload, spooled = await kept(door, sender.location)
    assert 0 < told_offset <= upload.offset
    assert spooled[:told_offset] == DATA[:told_offset]
    assert upload.state is UploadState.OPEN


async def test_a_cancelled_file_frees_its_room(door, line):
    sender = client(door, line, version=8, hears=False)
    await sender._ask_for_address(len(DATA))  # noqa: SLF001

    answer = await sender.cancel()

    assert answer.status == 204
    assert (await door.store.find(id_of(sender.location))).state is UploadState.TERMINATED


async def test_many_at_once_do_not_get_into_each_others_way(door, line):
    line.plan(*[CutAfter(MIB // 4)] * 8)
    papers = [Random(number).randbytes(MIB) for number in range(8)]
    senders = [
        replace(client(door, line, version=8 - 2 * (one % 2), hears=one < 4), name=f"{one}.pdf")
        for one in range(8)
    ]

    await asyncio.gather(*(one.hand_in(paper) for one, paper in zip(senders, papers, strict=True)))

    for sender, paper in zip(senders, papers, strict=True):
        upload, spooled = await kept(door, sender.location)
        assert (upload.state, spooled) == (UploadState.SEALED, paper)
    assert line.struck == 8

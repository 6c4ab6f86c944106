"""The IETF draft where things happen on the way: interim answers, and bodies unlike their word."""

import pytest

from gateway.context import CONTEXT
from gateway.options import Auth, GatewayOptions
from gateway.transport.connection_limits import ConnectionLimits
from tests.gateway_fixtures import gateway, id_of
from tests.integration.gateway.draft_fixtures import (
    BOTH,
    EAGER,
    PACE,
    WHOLE,
    free,
    half_sent,
    last,
    somebody_waits,
    waits,
)
from tests.integration.gateway.draft_line import append, begun, dial, limits, speak
from tests.waiting import until
from titip.upload import UploadState

WRONG = "sha-256=:" + "A" * 43 + "=:"


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=PACE)) as running:
        yield running


@pytest.fixture
async def eager(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=EAGER)) as running:
        yield running


# ---------------------------------------------------------------- interim answers


@pytest.mark.holds(
    "draft:creation-progress",
    "draft6:creation-104-once",
    "draft6:offset-never-smaller",
    "draft:offset-acknowledges",
)
@BOTH
async def test_a_creation_is_told_where_it_is_and_then_how_far(eager, version):
    line, path, first = await half_sent(eager, b"012", version=version)
    assert "Upload-Offset" not in first

    status, progress = await line.answer()

    assert (status, progress["Upload-Offset"]) == (104, "3")
    assert progress["Upload-Draft-Interop-Version"] == str(version)
    assert "Location" not in progress
    assert eager.kept(path) == b"012"
    await line.send(b"34567")
    heard = await line.hear()
    offsets = [int(one["Upload-Offset"]) for one in heard.interim]
    assert offsets == sorted(offsets)
    assert (heard.status, heard.headers["Upload-Offset"]) == (201, "8")


@pytest.mark.holds(
    "draft:append-progress", "draft:append-progress-no-location", "draft6:append-104-no-location"
)
@BOTH
async def test_an_append_is_told_how_far_it_is(eager, version):
    path = await begun(eager, b"01")
    line = await dial(eager)

    await line.ask("PATCH", path, last(2, 6), b"23", version=version)

    status, progress = await line.answer()
    assert (status, progress["Upload-Offset"]) == (104, "4")
    assert "Location" not in progress
    await line.send(b"4567")
    assert (await line.hear()).headers["Upload-Complete"] == "?1"


@pytest.mark.holds("draft:creation-104")
async def test_what_a_104_names_is_there_and_can_be_gone_on_with(gate):
    line, path, _ = await half_sent(gate, b"")
    assert gate.store.uploads[id_of(path)].length == 8

    await line.cut()

    await until(lambda: free(gate, path))
    answer = await append(gate, path, 0, b"01234567", complete="?1")
    assert (answer.status, gate.kept(path)) == (200, b"01234567")


async def test_what_is_wholly_here_needs_no_104_and_one_commit(gate):
    answer = await speak(gate, "POST", "/files/", {"Upload-Complete": "?1"}, body=b"01234567")

    assert answer.status == 201
    assert gate.store.commits == 1


async def test_nothing_is_begun_while_there_is_no_room_for_its_body(tmp_path):
    options = GatewayOptions(pace=PACE, connections=ConnectionLimits(descriptors=2))
    async with gateway(tmp_path, options) as gate:
        line = await dial(gate)

        await line.ask("POST", "/files/", WHOLE, b"0123")

        heard = await line.hear()
        assert (heard.status, heard.interim) == (503, [])
        assert not gate.store.uploads
        await line.cut()


async def test_nobody_who_speaks_an_older_http_hears_a_104(gate):
    line = await dial(gate)
    told = {**gate.lo, **WHOLE, "Upload-Draft-Interop-Version": "8"}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())

    await line.send(f"POST /files/ HTTP/1.0\r\n{head}\r\n".encode() + b"0123")
    await until(lambda: somebody_waits(gate))
    await line.send(b"4567")

    heard = await line.hear()
    assert (heard.status, heard.interim) == (201, [])


async def test_a_body_without_resumption_is_announced_to_nobody(gate):
    line = await dial(gate)

    await line.ask("POST", "/files/", {"Content-Length": "8"}, b"0123")
    await until(lambda: somebody_waits(gate))
    await line.send(b"4567")

    heard = await line.hear()
    assert (heard.status, heard.interim) == (201, [])
    assert heard.headers["Upload-Complete"] == "?1"


@pytest.mark.holds("titip:secret-opens", "titip:secret-given")
async def test_the_first_104_hands_the_secret_out_with_which_one_goes_on(gate):
    line, path, first = await half_sent(gate)
    await line.cut()
    await until(lambda: free(gate, path))

    told = {"Upload-Secret": first["Upload-Secret"]}
    asked = await speak(gate, "HEAD", path, told, of={})
    answer = await speak(gate, "PATCH", path, {**last(4, 4), **told}, body=b"4567", of={})

    assert (asked.status, asked.headers["Upload-Offset"]) == (204, "4")
    assert answer.status == 200


async def test_where_nobody_needs_a_token_no_secret_is_handed_out(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=PACE, auth=Auth.NONE)) as gate:
        line, path, first = await half_sent(gate)
        await line.cut()
        await until(lambda: free(gate, path))

        assert "Upload-Secret" not in first


# ---------------------------------------------------------------- bodies that do not come as told


@pytest.mark.holds("draft:creation-cut-kept", "draft:creation-cut-incomplete")
@BOTH
async def test_a_cut_creation_keeps_what_came_and_goes_on_at_its_address(gate, version):
    line, path, _ = await half_sent(gate, version=version)

    await line.cut()

    await until(lambda: free(gate, path))
    asked = await speak(gate, "HEAD", path, version=version)
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Complete"]) == ("4", "?0")
    answer = await append(gate, path, 4, b"4567", complete="?1", version=version)
    assert answer.headers["Upload-Complete"] == "?1"
    assert gate.kept(path) == b"01234567"


@pytest.mark.holds("draft:append-cut-incomplete", "draft6:append-cut")
async def test_a_last_piece_whose_end_was_cut_off_completes_nothing(gate):
    path = await begun(gate, b"01", Upload_Length="4")
    line = await dial(gate)
    told = {**last(2, 0), "Transfer-Encoding": "chunked"}
    del told["Content-Length"]
    await line.ask("PATCH", path, told, b"2\r\n23\r\n")
    await until(lambda: waits(gate, path))

    await line.cut()

    await until(lambda: free(gate, path))
    asked = await speak(gate, "HEAD", path)
    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Complete"]) == ("4", "?0")
    assert (await append(gate, path, 4, complete="?1")).headers["Upload-Complete"] == "?1"


@pytest.mark.holds("draft:length-match")
async def test_a_whole_body_that_is_shorter_than_was_told_is_no_whole_file(gate):
    line = await dial(gate)
    told = {"Upload-Complete": "?1", "Upload-Length": "8", "Transfer-Encoding": "chunked"}

    await line.ask("POST", "/files/", told, b"4\r\n0123\r\n0\r\n\r\n")

    heard = await line.hear()
    assert (heard.status, heard.headers["Upload-Complete"]) == (400, "?0")
    assert heard.headers["Upload-Offset"] == "4"
    path = heard.headers["Location"].partition("titip")[2]
    assert (await append(gate, path, 4, b"4567", complete="?1")).status == 200


@pytest.mark.holds("draft:append-empties", "draft:coding-transfer")
@BOTH
async def test_a_sender_that_finds_nothing_left_to_send_completes_the_file(gate, version):
    path = await begun(gate, b"0123", version=version, Upload_Length="4")
    told = {**last(4, 0), "Transfer-Encoding": "chunked"}
    del told["Content-Length"]
    line = await dial(gate)

    await line.ask("PATCH", path, told, b"0\r\n\r\n", version=version)

    assert (await line.hear()).headers["Upload-Complete"] == "?1"
    assert gate.store.uploads[id_of(path)].state is UploadState.SEALED


@pytest.mark.holds("draft:append-length-exceeded")
async def test_a_creation_that_goes_past_its_length_ends_what_was_announced(gate):
    line = await dial(gate)
    told = {"Upload-Complete": "?0", "Upload-Length": "3", "Transfer-Encoding": "chunked"}
    await line.ask("POST", "/files/", told)
    _, first = await line.answer()

    await line.send(b"4\r\n0123\r\n")

    heard = await line.hear()
    assert (heard.status, heard.headers["Upload-Complete"]) == (400, "?0")
    assert "Upload-Offset" not in heard.headers
    path = first["Location"].partition("titip")[2]
    assert (await speak(gate, "HEAD", path)).status == 410
    await line.cut()


@pytest.mark.holds("draft:limit-413")
async def test_a_piece_past_all_that_is_taken_leaves_the_upload_alive(tmp_path):
    async with gateway(tmp_path, GatewayOptions(pace=PACE, max_upload=5)) as gate:
        path = await begun(gate, b"0123")
        told = {**last(4, 0, complete="?0"), "Transfer-Encoding": "chunked"}
        del told["Content-Length"]
        line = await dial(gate)

        await line.ask("PATCH", path, told, b"4\r\n4567\r\n0\r\n\r\n")

        heard = await line.hear()
        assert (heard.status, limits(heard)["max-size"]) == (413, 5)
        assert heard.headers["Upload-Offset"] == "4"
        assert gate.store.uploads[id_of(path)].state is UploadState.OPEN


@pytest.mark.holds("draft:digest-content")
async def test_a_creation_of_another_digest_keeps_its_address_and_nothing_else(gate):
    line = await dial(gate)
    await line.ask("POST", "/files/", {**WHOLE, "Content-Digest": WRONG})
    await line.answer()

    await line.send(b"01234567")

    heard = await line.hear()
    assert (heard.status, heard.headers["Upload-Offset"]) == (460, "0")
    path = heard.headers["Location"].partition("titip")[2]
    assert (await append(gate, path, 0, b"01234567", complete="?1")).status == 200


async def test_a_stop_saves_what_came_and_says_where_to_go_on(gate):
    line, path, _ = await half_sent(gate)

    gate.app[CONTEXT].draining.set()

    heard = await line.hear()
    assert (heard.status, heard.headers["Upload-Offset"]) == (503, "4")
    assert heard.headers["Upload-Complete"] == "?0"
    assert heard.headers["Location"].endswith(path)
    assert "Retry-After" in heard.headers
    await line.cut()


async def test_a_creation_sent_again_under_its_key_finds_what_came(gate):
    dead, path, _ = await half_sent(gate, Idempotency_Key='"k"')

    again = await speak(
        gate, "POST", "/files/", {"Upload-Complete": "?1", "Idempotency-Key": '"k"'}, body=b"0" * 8
    )

    assert again.status == 201
    assert again.headers["Location"].endswith(path)
    assert (again.headers["Upload-Offset"], again.headers["Upload-Complete"]) == ("4", "?0")
    assert (await dead.hear()).status == 423
    await dead.cut()


@pytest.mark.holds("draft6:append-offset")
@BOTH
async def test_a_refused_append_tells_its_owner_the_offset(gate, version):
    path = await begun(gate, b"01")

    answer = await append(
        gate, path, 2, b"23", version=version, headers={"Content-Type": "text/plain"}
    )
    told = {"Upload-Offset": "2", "Upload-Complete": "?0", "Content-Type": "text/plain"}
    strange = await speak(gate, "PATCH", path, told, of=gate.stranger, version=version)
    nobody = await speak(gate, "PATCH", path, told, of={}, version=version)

    assert (answer.status, answer.headers["Upload-Offset"]) == (415, "2")
    assert "Upload-Offset" not in strange.headers
    assert "Upload-Offset" not in nobody.headers

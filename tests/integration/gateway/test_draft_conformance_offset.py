"""The IETF draft to the letter, over a real socket: limits and offsets."""

import pytest

from gateway.options import GatewayOptions
from tests.gateway_fixtures import gateway
from tests.integration.gateway.draft_line import append, begun, dial, limits, speak

NOWHERE = "/files/" + "0" * 32
BOTH = pytest.mark.parametrize("version", [8, 6])


# ---------------------------------------------------------------- OPTIONS, limits


@pytest.mark.holds(
    "draft:options-limit", "draft:limit-form", "draft:limit-enforced", "draft6:options-limit"
)
@BOTH
async def test_options_tells_the_limits(tmp_path, version):
    async with gateway(tmp_path, GatewayOptions(max_upload=1000)) as gate:
        answer = await speak(gate, "OPTIONS", "/files/", version=version)

    told = limits(answer)
    assert answer.status in {200, 204}
    assert told["max-size"] == 1000
    assert all(isinstance(value, int) for value in told.values())
    assert ("expires" in told, "max-age" in told) == (version == 6, version == 8)


@pytest.mark.holds("draft:options-star")
async def test_options_of_the_whole_server_tells_them_too(gate):
    line = await dial(gate)

    await line.ask("OPTIONS", "*", {})

    heard = await line.hear()
    assert heard.status == 200
    assert "max-size=" in heard.headers["Upload-Limit"]


@pytest.mark.holds("draft:options-honest", "draft:limit-steady", "draft6:limit-constant")
@BOTH
async def test_the_limits_of_an_upload_are_those_that_were_told(gate, version):
    offered = limits(await speak(gate, "OPTIONS", "/files/", version=version))
    created = await speak(gate, "POST", "/files/", {"Upload-Complete": "?0"}, version=version)
    path = created.headers["Location"].removeprefix(gate.url)
    asked = await speak(gate, "HEAD", path, version=version)
    appended = await append(gate, path, 0, b"x", version=version)
    later = await speak(gate, "HEAD", path, version=version)

    told = [limits(one) for one in (created, asked, appended, later)]
    age = "expires" if version == 6 else "max-age"
    assert [one["max-size"] for one in told] == [offered["max-size"]] * 4
    assert all(offered[age] - 5 <= one[age] <= offered[age] for one in told)


@pytest.mark.holds("draft:limit-413")
async def test_a_file_over_the_limit_is_told_the_limit(tmp_path):
    async with gateway(tmp_path, GatewayOptions(max_upload=10)) as gate:
        told = {"Upload-Complete": "?0", "Upload-Length": "11"}
        answer = await speak(gate, "POST", "/files/", told)

        assert answer.status == 413
        assert limits(answer)["max-size"] == 10
        assert answer.headers["Upload-Complete"] == "?0"
        assert not gate.store.uploads


# ---------------------------------------------------------------- offset retrieval


@pytest.mark.holds(
    "draft:head-offset",
    "draft:head-complete",
    "draft:head-limit",
    "draft:head-no-store",
    "draft6:head-status",
    "draft6:head-offset",
    "draft6:head-complete",
    "draft6:head-length",
    "draft6:head-limit",
)
@BOTH
@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_an_unfinished_upload_tells_how_it_stands(gate, version, method):
    path = await begun(gate, b"pap", Upload_Length="6")

    answer = await speak(gate, method, path, version=version)

    assert answer.status in {200, 204}
    assert answer.headers["Upload-Offset"] == "3"
    assert answer.headers["Upload-Complete"] == "?0"
    assert answer.headers["Upload-Length"] == "6"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "max-size" in limits(answer)


@pytest.mark.holds("draft:head-complete", "draft6:head-complete", "draft:resource-kept")
@BOTH
async def test_a_complete_upload_says_so_and_its_length(gate, version):
    path = await begun(gate, b"papers", complete="?1")

    answer = await speak(gate, "HEAD", path, version=version)

    assert answer.headers["Upload-Complete"] == "?1"
    assert answer.headers["Upload-Offset"] == answer.headers["Upload-Length"] == "6"


@pytest.mark.holds("draft6:head-fields")
@pytest.mark.parametrize(
    "told", [{"Upload-Offset": "3"}, {"Upload-Complete": "?0"}, {"Upload-Length": "6"}]
)
async def test_version_6_refuses_a_head_that_says_what_it_should_ask(gate, told):
    path = await begun(gate, b"pap")

    answer = await speak(gate, "HEAD", path, told, version=6)

    assert answer.status == 400
    assert answer.headers["Upload-Complete"] == "?0"


@pytest.mark.holds("draft6:head-gone", "draft6:append-gone", "draft6:cancel-gone")
async def test_what_is_gone_was_never_there_to_version_6(gate):
    ended = await begun(gate, b"pap")
    await speak(gate, "DELETE", ended, version=6)

    for path in (ended, NOWHERE):
        asked = await speak(gate, "HEAD", path, version=6)
        appended = await append(gate, path, 3, b"x", version=6)
        cancelled = await speak(gate, "DELETE", path, version=6)
        assert [asked.status, appended.status, cancelled.status] == [404, 404, 404]
        assert "Upload-Offset" not in asked.headers


@pytest.mark.holds("draft:head-no-redirect", "draft:cancel-no-redirect", "draft6:no-redirect")
@BOTH
@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
async def test_nothing_is_ever_redirected(gate, version, method):
    path = await begun(gate, b"pap")
    ways = (f"{path}/", path.replace("/files/", "/files//"), f"/files/../{path}", "/files", NOWHERE)

    statuses = [(await speak(gate, method, way, version=version)).status for way in ways]

    assert not {301, 302} & set(statuses)

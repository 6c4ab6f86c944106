"""The API over a real socket: what LOs and operators read and do, the probes, metrics and CORS."""

import hashlib
from dataclasses import replace

import pytest

from gateway.context import CONTEXT
from gateway.options import GatewayOptions
from tests.fakes import utc_now
from tests.gateway_fixtures import BYTES, gateway, id_of
from tests.waiting import until
from titip.delivery import DeliveryId, DeliveryState
from titip.evidence import Doubt
from titip.health import Circuit, Health


async def get(gate, path, *, of=None, status=200):
    async with gate.ask("GET", path, of=of) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def post(gate, path, body=None, *, of=None, status=200):
    url, headers = gate.url + path, gate.operator if of is None else of
    async with gate.session.post(url, json=body, headers=headers) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def test_an_upload_is_shown_with_its_deliveries(gate):
    path = await gate.created(6, b"papers", {"Upload-Metadata": "filename YS5wZGY="})

    shown = await get(gate, f"/api/uploads/{id_of(path)}")

    assert shown["id"] == id_of(path)
    assert (shown["submitter"], shown["filename"], shown["state"]) == ("lo-pair", "a.pdf", "sealed")
    assert (shown["length"], shown["offset"]) == (6, 6)
    assert shown["sha256"] == hashlib.sha256(b"papers").hexdigest()
    assert shown["created_at"] <= shown["sealed_at"]
    assert {one["destination"] for one in shown["deliveries"]} == {"registry", "mirror"}
    assert {"id", "state", "attempts", "due_at", "reason", "locator", "ended_at"} <= set(
        shown["deliveries"][0]
    )


async def test_an_unfinished_upload_has_neither_digest_nor_receipt(gate):
    path = await gate.created(6, b"pap")

    shown = await get(gate, f"/api/uploads/{id_of(path)}")
    refused = await get(gate, f"/api/uploads/{id_of(path)}/receipt", status=409)

    assert (shown["sha256"], shown["sealed_at"], shown["deliveries"]) == (None, None, [])
    assert refused["type"] == "urn:titip:problem:not-sealed"


async def test_a_receipt_tells_what_whose_and_since_when(gate):
    path = await gate.created(6, b"papers")

    receipt = await get(gate, f"/api/uploads/{id_of(path)}/receipt")

    assert (receipt["upload"], receipt["submitter"]) == (id_of(path), "lo-pair")
    assert receipt["sha256"] == hashlib.sha256(b"papers").hexdigest()
    assert {one["destination"] for one in receipt["deliveries"]} == {"registry", "mirror"}


async def test_an_ended_upload_has_no_receipt(gate):
    path = await gate.created(6, b"pap")
    async with gate.ask("DELETE", path):
        pass

    await get(gate, f"/api/uploads/{id_of(path)}/receipt", status=410)


@pytest.mark.holds("titip:own-only")
@pytest.mark.parametrize("tail", ["", "/receipt"])
async def test_a_stranger_is_shown_nothing(gate, tail):
    path = await gate.created(6, b"papers")

    await get(gate, f"/api/uploads/{id_of(path)}{tail}", of=gate.stranger, status=404)
    await get(gate, f"/api/uploads/none{tail}", of=gate.stranger, status=404)


async def test_uploads_are_listed_page_by_page_newest_first(gate):
    paths = [await gate.created(1, b"x") for _ in range(5)]

    seen, following = [], ""
    while following is not None:
        page = await get(gate, f"/api/uploads?limit=2&after={following}")
        seen += [one["id"] for one in page["uploads"]]
        following = page["next"]

    assert len(seen) == 5
    assert set(seen) == {id_of(path) for path in paths}


@pytest.mark.holds("titip:own-only")
async def test_an_lo_lists_its_own_and_an_operator_all(gate):
    await gate.created(1, b"x")
    await gate.created(2, b"x", of=gate.stranger)

    own = await get(gate, "/api/uploads")
    theirs = await get(gate, "/api/deliveries", of=gate.stranger)
    everything = await get(gate, "/api/uploads?state=open,sealed", of=gate.operator)
    narrowed = await get(gate, "/api/uploads?submitter=lo-pair", of=gate.operator)

    assert [one["submitter"] for one in own["uploads"]] == ["lo-pair"]
    assert theirs["deliveries"] == []
    assert len(everything["uploads"]) == 2
    assert len(narrowed["uploads"]) == 1


async def test_deliveries_are_listed_by_destination_and_state(gate):
    await gate.created(1, b"x")

    page = await get(gate, "/api/deliveries?destination=mirror&state=queued")

    assert [one["destination"] for one in page["deliveries"]] == ["mirror"]
    assert page["next"] is None


@pytest.mark.parametrize("query", ["state=melted", "limit=0", "stat=open", "destination=mirror"])
async def test_a_slip_in_a_listing_is_told(gate, query):
    refused = await get(gate, f"/api/uploads?{query}", status=400)

    assert refused["detail"]


async def test_status_is_everything_in_numbers(gate):
    await gate.created(6, b"papers")
    ill = Health(since=utc_now(), circuit=Circuit.OPEN, reason="too slow")
    gate.records.destinations["registry"] = (True, ill)

    shown = await get(gate, "/api/status", of=gate.operator)

    assert shown["uploads"]["sealed"] == 1
    assert shown["sealed_bytes"] == 6
    assert shown["titip"]
    registry = next(one for one in shown["destinations"] if one["name"] == "registry")
    assert registry["paused"]
    assert registry["health"]["circuit"] == "open"
    assert registry["health"]["stalled"]
    assert registry["counts"] == {"queued": 1}
    assert registry["oldest_owed"]


async def test_a_parked_delivery_is_sent_again(gate):
    path = await gate.created(1, b"x")
    which = DeliveryId(f"{id_of(path)}.registry")
    rows = gate.store.deliveries
    rows[which] = replace(rows[which], state=DeliveryState.PARKED)

    told = await post(gate, "/api/resync", {"parked": True, "to": "registry"})

    assert told == {"requeued": 1}
    assert rows[which].state is DeliveryState.QUEUED


@pytest.mark.parametrize("which", ["zz", "", "0" * 32, "{id}.moon", "{prefix}"])
async def test_a_resync_of_nothing_there_is_is_refused(gate, which):
    upload = id_of(await gate.created(1, b"x"))
    which = which.format(id=upload, prefix=upload[:8])

    await post(gate, "/api/resync", {"ids": [upload, which]}, status=404)
    assert await post(gate, "/api/resync", {"ids": [upload]}) == {"requeued": 2}


async def test_a_resync_without_a_registry_says_that_its_files_wait_for_hands(gate):
    path = await gate.created(1, b"x")
    which = DeliveryId(f"{id_of(path)}.registry")
    rows = gate.store.deliveries
    rows[which] = replace(rows[which], state=DeliveryState.PARKED, maybe_delivered=Doubt.UNHEARD)
    before, gate.operations.registry = rows[which], False

    told = await post(gate, "/api/resync", {"parked": True})
    shown = await get(gate, "/api/status", of=gate.operator)

    assert (told["requeued"], told["by_hand"]) == (0, 1)
    assert "No registry is configured" in told["detail"]
    assert rows[which] == before
    assert shown["destinations"][0]["maybe_delivered"] == 1


async def test_a_destination_is_paused_resumed_and_probed(gate):
    await post(gate, "/api/destinations/mirror/pause")
    paused = gate.records.destinations["mirror"][0]
    await post(gate, "/api/destinations/mirror/resume")
    await post(gate, "/api/destinations/mirror/probe", status=202)

    assert paused
    assert not gate.records.destinations["mirror"][0]
    assert gate.operations.probes_asked == ["mirror"]
    await post(gate, "/api/destinations/moon/pause", status=404)


async def test_a_delivery_made_by_hand_is_entered_once(gate):
    path = await gate.created(1, b"x")
    address = f"/api/deliveries/{id_of(path)}.registry/delivered"

    shown = await post(gate, address, {"reference": "SILON-17"})

    assert (shown["state"], shown["locator"]) == ("delivered", "SILON-17")
    await post(gate, address, {"reference": "SILON-18"}, status=409)
    other = f"/api/deliveries/{id_of(await gate.created(1, b'y'))}.registry/delivered"
    told = await post(gate, other, {"reference": "SILON-17"}, status=409)
    assert told["type"] == "urn:titip:problem:reference-taken"
    await post(gate, other, {"reference": "SILON-17", "shared": True})
    await post(gate, "/api/deliveries/none/delivered", {"reference": "x"}, status=404)


async def test_a_copy_on_the_mirror_is_never_recorded_by_hand(gate):
    path = await gate.created(1, b"x")
    which = DeliveryId(f"{id_of(path)}.mirror")
    before = gate.store.deliveries[which]

    told = await post(
        gate, f"/api/deliveries/{which}/delivered", {"reference": "SILON-17"}, status=409
    )

    assert f"titip resync {which}" in told["detail"]
    assert gate.store.deliveries[which] == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/status"),
        ("GET", "/metrics"),
        ("POST", "/api/resync"),
        ("POST", "/api/destinations/mirror/pause"),
        ("POST", "/api/destinations/mirror/resume"),
        ("POST", "/api/destinations/mirror/probe"),
        ("POST", "/api/deliveries/x/delivered"),
    ],
)
async def test_what_is_for_operators_needs_an_operator(gate, method, path):
    async with gate.session.request(method, gate.url + path, headers=gate.lo) as answer:
        assert answer.status == 403
    async with gate.session.request(method, gate.url + path) as answer:
        assert answer.status == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"ids": ["a"], "all": true}', b"\xff"])
async def test_a_body_that_makes_no_sense_is_refused(gate, body):
    url = gate.url + "/api/resync"
    async with gate.session.post(url, data=body, headers=gate.operator) as answer:
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"


async def test_a_body_that_is_too_large_is_refused(gate):
    line = await gate.dial()
    line.token = gate.operator

    await line.say("POST", "/api/resync", {"Content-Length": str(2 << 20)}, b"x" * (2 << 20))

    assert (await line.answer())[0] == 413
    await line.cut()


async def test_a_body_that_is_cut_harms_nobody(gate):
    line = await gate.dial()
    line.token = gate.operator
    await line.say("POST", "/api/resync", {"Content-Length": "100"}, b"{")
    gauge = "titip_requests_in_flight"
    registry = gate.app[CONTEXT].metrics._registry  # noqa: SLF001
    await until(lambda: registry.get_sample_value(gauge) == 1)

    await line.cut()

    await until(lambda: registry.get_sample_value(gauge) == 0)
    assert registry.get_sample_value("titip_requests_total", {"method": "POST", "code": "400"})


async def test_probes_need_no_token_and_tell_what_is_wrong(gate):
    async def probe(path):
        async with gate.session.get(gate.url + path) as answer:
            return answer.status, await answer.json()

    well = await probe("/readyz")
    gate.store.free = 0
    full = await probe("/readyz")
    gate.store.broken = True
    broken = await probe("/readyz")
    alive = await probe("/livez")

    assert (well[0], full[0], broken[0], alive[0]) == (200, 503, 503, 200)
    assert full[1]["checks"] == {"storage": True, "room": False, "taking_in": True}
    assert not broken[1]["checks"]["storage"]


async def test_metrics_count_requests_bytes_and_the_journal_s_numbers(gate):
    await gate.created(6, b"papers")
    well = Health(since=utc_now(), window=3.0)
    gate.records.destinations["registry"] = (False, well)

    async with gate.session.get(gate.url + "/metrics", headers=gate.operator) as answer:
        page = await answer.text()

    for line in (
        'titip_requests_total{code="201",method="POST"} 1.0',
        "titip_upload_bytes_total 6.0",
        "titip_uploads_created_total 1.0",
        "titip_uploads_sealed_total 1.0",
        "titip_commit_seconds_count 1.0",
        'titip_deliveries{destination="mirror",state="queued"} 1.0',
        'titip_destination_circuit{circuit="closed",destination="registry"} 1.0',
        'titip_destination_circuit{circuit="open",destination="registry"} 0.0',
        'titip_destination_window{destination="registry"} 3.0',
        "titip_disk_free_bytes",
        'titip_delivery_oldest_seconds{destination="registry"}',
    ):
        assert line in page
    assert "lo-pair" not in page


async def test_made_up_methods_share_a_label(gate):
    for method in ("PROPFIND", "LOCK"):
        async with gate.session.request(method, gate.url + "/files/", headers=gate.lo):
            pass

    async with gate.session.get(gate.url + "/metrics", headers=gate.operator) as answer:
        assert 'titip_requests_total{code="412",method="other"} 2.0' in await answer.text()


async def test_a_request_keeps_its_id_and_gets_one_otherwise(gate):
    ids = []
    for told in ("trace-7", "<script>", ""):
        async with gate.ask("GET", "/livez", {"X-Request-ID": told}) as answer:
            ids.append(answer.headers["X-Request-ID"])

    assert ids[0] == "trace-7"
    assert all(len(one) == 16 for one in ids[1:])


@pytest.mark.holds("titip:options-everywhere", "titip:cors-sendable", "tus:core-options-version")
@pytest.mark.parametrize("path", ["/files/", "/files/" + "0" * 32, "/api/uploads", "/none"])
async def test_a_preflight_is_answered_everywhere_without_a_token(gate, path):
    headers = {"Origin": "https://page.example", "Access-Control-Request-Method": "PATCH"}

    async with gate.session.options(gate.url + path, headers=headers) as answer:
        assert answer.status == 200

    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert all(name in allowed for name in ("Authorization", "Upload-Offset", "Tus-Resumable"))
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Max-Size"]


async def test_a_page_may_see_the_answer_s_headers_also_of_an_error(gate):
    path = await gate.created(6, b"pap")

    for status, ask in (
        (200, gate.ask("HEAD", path, {"Origin": "https://a"})),
        (409, gate.append(path, 1, b"x", {"Origin": "https://a"})),
    ):
        async with ask as answer:
            assert answer.status == status
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert all(name in exposed for name in ("Upload-Offset", "Location", "Repr-Digest"))


@pytest.mark.holds("titip:cors-origins")
async def test_a_page_of_an_unnamed_origin_may_see_nothing(tmp_path):
    async with gateway(tmp_path, GatewayOptions(origins=("https://a",))) as gate:
        headers = {"Origin": "https://b", "Upload-Length": "1", **BYTES}
        async with gate.ask("POST", "/files/", headers) as answer:
            assert answer.status == 201

        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.holds("titip:problems")
async def test_a_wrong_method_and_a_wrong_path_are_problems_too(gate):
    wrong = await get(gate, "/none", status=404)
    async with gate.session.delete(gate.url + "/api/status", headers=gate.lo) as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]

    assert wrong["type"] == "urn:titip:problem:not-found"

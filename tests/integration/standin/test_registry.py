"""The registry that stands in, asked over a real socket: what it keeps, counts and remembers."""

import hashlib
import io

import aiohttp
import pytest

from standin.faults import BadParams
from standin.registry.server import RegistryOptions, serve_registry
from standin.registry.store import Repeat

BODY = bytes(range(256)) * 4096  # 1 MiB: several pieces
DIGEST = hashlib.sha256(BODY).hexdigest()


def form(body=BODY, **fields):
    data = aiohttp.FormData()
    for name, value in {"sha256": DIGEST, "filename": "ktp.pdf", "key": "u1", **fields}.items():
        data.add_field(name, value)
    data.add_field(
        "file", io.BytesIO(body), filename="ktp.pdf", content_type="application/octet-stream"
    )
    return data


async def hand_in(http, registry, *, delivery="d1", body=BODY, **fields):
    headers = {"Idempotency-Key": delivery}
    async with http.post(
        registry.intake_url, data=form(body, **fields), headers=headers
    ) as response:
        return response.status, await response.json()


async def test_a_form_is_stored_with_its_fields_and_found_by_its_key(http, tmp_path):
    async with serve_registry(RegistryOptions(folder=tmp_path)) as registry:
        status, answer = await hand_in(http, registry, submitter="pair-1")
        async with http.get(f"{registry.url}/intake/u1") as response:
            found = await response.json()

        assert status == 201
        assert answer["id"] == "SILON-000001"
        assert found == {
            "id": "SILON-000001",
            "sha256": DIGEST,
            "size": len(BODY),
            "filename": "ktp.pdf",
            "submitter": "pair-1",
            "count": 1,
        }
        assert (tmp_path / "files" / "SILON-000001").read_bytes() == BODY
        assert registry.stats()["mismatched"] == 0


async def test_a_raw_body_takes_its_fields_from_headers_and_query(http):
    async with serve_registry() as registry:
        async with http.post(
            f"{registry.intake_url}?key=u7",
            data=BODY,
            headers={"X-Sha256": DIGEST, "X-Submitter": "pair-2"},
        ) as response:
            answer = await response.json()

        assert response.status == 201
        assert answer["sha256"] == DIGEST
        assert registry.entries()[0]["key"] == "u7"
        assert registry.entries()[0]["fields"]["submitter"] == "pair-2"


async def test_a_key_that_nothing_is_stored_under_is_404(http):
    async with serve_registry() as registry, http.get(f"{registry.url}/intake/none") as response:
        assert response.status == 404


async def test_naively_what_comes_twice_is_stored_twice_and_counted(http):
    async with serve_registry() as registry:
        await hand_in(http, registry)
        status, answer = await hand_in(http, registry)

        assert (status, answer["id"]) == (201, "SILON-000002")
        assert registry.stats()["received"] == 2
        assert registry.stats()["distinct"] == 1
        assert registry.stats()["duplicates"] == 1


async def test_deduping_replays_the_first_answer_to_the_same_idempotency_key(http):
    async with serve_registry(RegistryOptions(repeat=Repeat.DEDUPE)) as registry:
        first = await hand_in(http, registry)
        second = await hand_in(http, registry)
        other = await hand_in(http, registry, delivery="d2")

        assert second == first
        assert other[1]["id"] == "SILON-000002"
        assert registry.stats()["replayed"] == 1


async def test_conflicting_answers_409_with_the_first_reference(http):
    async with serve_registry(RegistryOptions(repeat=Repeat.CONFLICT)) as registry:
        await hand_in(http, registry)
        status, answer = await hand_in(http, registry, delivery="d2")

        assert (status, answer["id"]) == (409, "SILON-000001")
        assert registry.stats()["received"] == 1


async def test_a_wrong_declared_digest_is_stored_and_counted(http):
    async with serve_registry() as registry:
        status, answer = await hand_in(http, registry, sha256="0" * 64)

        assert (status, answer["sha256"]) == (201, DIGEST)
        assert registry.stats()["mismatched"] == 1


async def test_a_registry_that_checks_refuses_a_wrong_digest_and_leaves_no_file(http, tmp_path):
    options = RegistryOptions(folder=tmp_path, checks_digest=True)
    async with serve_registry(options) as registry:
        status, _ = await hand_in(http, registry, sha256="0" * 64)

        assert status == 422
        assert not list((tmp_path / "incoming").iterdir())


async def test_without_its_token_nothing_is_taken(http):
    async with serve_registry(RegistryOptions(bearer="s3cret")) as registry:
        status, _ = await hand_in(http, registry)
        headers = {"Authorization": "Bearer s3cret"}
        async with http.post(registry.intake_url, data=form(), headers=headers) as response:
            assert response.status == 201
        async with http.get(f"{registry.url}/intake/u1") as response:
            assert response.status == 401

        assert status == 401
        assert registry.stats()["received"] == 1


async def test_a_form_without_a_file_is_refused_with_the_mend(http):
    async with serve_registry() as registry:
        data = aiohttp.FormData(default_to_multipart=True)
        data.add_field("key", "u1")
        async with http.post(registry.intake_url, data=data) as response:
            assert response.status == 400
            assert 'part named "file"' in (await response.json())["error"]


def part(head, body):
    return f"--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n"


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([part('name="file"', "1"), part('name="file"', "2")], "two files"),
        ([part('name="sha256"', "x" * 70_000)], "longer than"),
        ([part(f'name="f{n}"', "x") for n in range(65)], "more than 64 fields"),
        (["no boundary at all"], "cannot be read"),
        (
            ["--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c--\r\n"],
            "form of its own",
        ),
    ],
)
async def test_a_form_that_is_no_hand_in_is_refused(http, tmp_path, parts, words):
    async with serve_registry(RegistryOptions(folder=tmp_path)) as registry:
        body = "".join([*parts, "--b--\r\n"])
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        async with http.post(registry.intake_url, data=body, headers=headers) as response:
            assert response.status == 400
            assert words in (await response.json())["error"]

        assert not list((tmp_path / "incoming").iterdir())


async def test_a_list_asked_for_in_words_is_refused(http):
    async with serve_registry() as registry, http.get(f"{registry.intake_url}?page=x") as response:
        assert response.status == 400


async def test_the_stand_in_names_the_addresses_that_titip_needs():
    async with serve_registry() as registry:
        root = f"http://127.0.0.1:{registry.port}"

        assert registry.health_url == f"{root}/health"
        assert registry.lookup_url == f"{root}/intake/{{upload_id}}"


async def test_a_restart_forgets_nothing_even_with_a_torn_last_line(http, tmp_path):
    async with serve_registry(RegistryOptions(folder=tmp_path)) as registry:
        await hand_in(http, registry)
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write('{"id": "SILON-0000')

    async with serve_registry(RegistryOptions(folder=tmp_path)) as registry:
        async with http.get(f"{registry.url}/intake/u1") as response:
            assert (await response.json())["id"] == "SILON-000001"
        _, answer = await hand_in(http, registry, key="u2")

        assert answer["id"] == "SILON-000002"
        assert registry.stats()["received"] == 2


async def test_the_list_comes_in_pages(http):
    async with serve_registry() as registry:
        for number in range(5):
            await hand_in(http, registry, body=b"x", key=f"u{number}")
        async with http.get(f"{registry.intake_url}?page=2&per_page=2") as response:
            page = await response.json()

        assert [item["key"] for item in page["items"]] == ["u2", "u3"]
        assert (page["pages"], page["total"]) == (3, 5)


async def test_an_unknown_mode_or_parameter_is_refused_with_those_there_are(http):
    async with serve_registry() as registry:
        async with http.post(f"{registry.url}/standin/mode", json={"mode": "tired"}) as response:
            assert response.status == 400
            assert "stalled" in (await response.json())["error"]
        with pytest.raises(BadParams, match="store_late"):
            registry.set_mode("slow", speed=3)

"""A file whose bytes were freed after its delivery: gone from here, and still proven."""

from dataclasses import replace

from tests.fakes import utc_now
from tests.gateway_fixtures import gateway, id_of


async def test_a_freed_file_is_no_longer_given_back_and_its_receipt_says_since_when(tmp_path):
    async with gateway(tmp_path) as door:
        path = await door.created(6, b"papers")
        upload = id_of(path)
        door.store.uploads[upload] = replace(door.store.uploads[upload], freed_at=utc_now())

        async with door.ask("GET", path) as fetched:
            answer = await fetched.json()
        async with door.ask("GET", f"/api/uploads/{upload}/receipt") as proven:
            proof = await proven.json()

        assert (fetched.status, answer["type"].rpartition(":")[2]) == (410, "bytes-gone")
        assert proof["sha256"]
        assert proof["freed_at"]
        assert await door.offset(path) == 6

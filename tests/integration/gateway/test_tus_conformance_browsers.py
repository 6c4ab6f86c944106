"""What pages of other origins may send and read, over a real socket."""

import pytest

from tests.gateway_fixtures import TUS, answered

NOWHERE = "/files/" + "0" * 32
ALWAYS_READABLE = {
    "Cache-Control",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "Expires",
    "Last-Modified",
    "Pragma",
}
"""What a page may read of any answer (the Fetch standard's safelist)."""

NOT_FOR_PAGES = {
    "Accept-Ranges",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Allow",
    "Connection",
    "Content-Security-Policy",
    "Date",
    "Etag",
    "Server",
    "Set-Cookie",
    "Vary",
    "X-Content-Type-Options",
}
"""What speaks to the browser or to a proxy, and not to the page."""


@pytest.mark.holds("titip:cors-exposed")
async def test_a_page_may_read_every_header_that_speaks_to_it(gate):
    page = {"Origin": "https://page.example"}
    told = {"Upload-Metadata": "filename YQ==", **page}
    path = await gate.created(6, headers=told)

    heard = [
        await answered(ask)
        for ask in (
            gate.ask("POST", "/files/", {"Upload-Length": "9", **told}),
            gate.ask("POST", "/files/", {"Upload-Defer-Length": "1", **told}),
            gate.ask("OPTIONS", path, page),
            gate.ask("HEAD", path, page),
            gate.append(path, 3, b"x", page),
            gate.append(path, 0, b"past the length", page),
            gate.append(path, 0, b"papers", page),
            gate.ask("HEAD", path, page),
            gate.ask("GET", path, page),
            gate.ask("HEAD", path, {**page, "Tus-Resumable": "0.2.2"}),
            gate.ask("HEAD", NOWHERE, page),
        )
    ]

    for answer in heard:
        readable = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
        sent = {name for name in answer.headers if not name.startswith("Access-Control-")}
        assert sent <= readable | ALWAYS_READABLE | NOT_FOR_PAGES


@pytest.mark.holds("titip:cors-exposed", "titip:cors-sendable")
async def test_a_page_may_read_and_send_the_headers_of_both_protocols(gate):
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "PATCH"}

    answer = await answered(gate.session.options(gate.url + "/files/", headers=asked))

    readable = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    sendable = set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    both = {"Upload-Offset", "Upload-Length", "Upload-Complete", "Upload-Metadata", "Repr-Digest"}
    assert readable >= both | {"Location", "Upload-Expires", "Upload-Limit", "Upload-Secret"}
    assert sendable >= both - {"Repr-Digest"} | {"Upload-Checksum", "Content-Type", *TUS}

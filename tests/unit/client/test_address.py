from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.address import upload_address
from client.errors import PushError, Refused, TransientError

ENDPOINT = "https://titip.example/in/files/"


@pytest.mark.parametrize(
    ("location", "address", "other"),
    [
        (f"{ENDPOINT}u1", f"{ENDPOINT}u1", ""),
        ("u1", f"{ENDPOINT}u1", ""),
        ("/files/u1?a=b#c", f"{ENDPOINT}u1", ""),
        ("https://TITIP.example.:443/in/files/u1", f"{ENDPOINT}u1", ""),
        ("http://titip.example:8080/files/u1", f"{ENDPOINT}u1", "http://titip.example:8080"),
    ],
)
def test_an_upload_is_asked_for_at_our_origin(location, address, other):
    assert upload_address(ENDPOINT, location) == (address, other)


@pytest.mark.parametrize("location", ["https://evil.example/files/u1", "//evil.example/u1"])
def test_another_host_is_refused_by_name(location):
    with pytest.raises(Refused, match=r"another host \(https://evil\.example\)"):
        upload_address(ENDPOINT, location)


@pytest.mark.parametrize(
    "location", ["", "/", ".", "/..", "http://[fe80::1/x", "http://a:b/x", "ftp://titip.example/x"]
)
def test_what_names_no_upload_is_no_answer_of_a_gateway(location):
    with pytest.raises(TransientError):
        upload_address(ENDPOINT, location)


@given(st.text(max_size=40) | st.from_regex(r"https?://[a-z.@:\[\]/\\%]{0,20}", fullmatch=True))
def test_no_location_leads_away_from_our_endpoint(location):
    with suppress(PushError):
        address, _ = upload_address(ENDPOINT, location)
        assert address.startswith(ENDPOINT)
        assert address != ENDPOINT

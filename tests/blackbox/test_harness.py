"""The black-box tools themselves: a delivery to a scripted registry, seen from outside."""

import pytest

from tests.blackbox.hostile_server import Say, hostile_server
from tests.blackbox.program import titip

pytestmark = pytest.mark.e2e


def test_a_file_reaches_a_scripted_registry_and_its_reference_is_told(tmp_path):
    with (
        hostile_server(lambda asked: Say(201, {"id": "SILON-1"})) as registry,
        titip(tmp_path, f'[registry]\nkind = "http"\nurl = "{registry.url}/intake"\n') as served,
    ):
        delivered = served.until(served.hand_in(b"a scan"), "delivered")
        served.stop()

    assert delivered["locator"] == "SILON-1"
    assert registry.count("POST") == 1
    assert b"a scan" in registry.asked[0].body

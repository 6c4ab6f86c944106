"""What many tests of the gateway begin with; a file that wants another one says so itself."""

import pytest

from tests.gateway_rooms import gateway


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path) as running:
        yield running

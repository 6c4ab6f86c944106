"""What many tests begin with; a file that wants another one says so itself."""

import pytest

from tests.gateway_fixtures import gateway
from tests.integration.standin.drive_fixtures import one_try_a_request


@pytest.fixture
async def gate(tmp_path):
    async with gateway(tmp_path) as running:
        yield running


@pytest.fixture
async def http():
    async with one_try_a_request() as session:
        yield session

"""These tests ask what the programs do, again and again: other tests count their lines."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def programs_at_their_own_pace(uncounted):
    """See `uncounted`."""

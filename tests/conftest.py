"""Choose how hard Hypothesis looks: `TITIP_HYPOTHESIS=nightly` (`make nightly`) for very long."""

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

# No deadline: a shared machine that pauses for a moment is no failure of ours. pytest's time
# limit for the whole test still holds.
settings.register_profile("quick", deadline=None, max_examples=60, stateful_step_count=30)
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=3000,
    stateful_step_count=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("TITIP_HYPOTHESIS", "quick"))

# A program that a test starts finds what the one before it compiled: half of its start otherwise.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell that starts the tests in the background lets them ignore Ctrl-C, and so would every
# program that they start: a test that presses it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def uncounted():
    """Let programs begin at their own pace: to count their lines costs half of that again."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
            patch.delenv(name)
        yield

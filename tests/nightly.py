"""Whether the tests may take all night: `make nightly`."""

import os

NIGHTLY = os.environ.get("TITIP_HYPOTHESIS") == "nightly"

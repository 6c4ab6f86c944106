"""What is wrong with settings, in words."""

from __future__ import annotations

import re


def problems_of_destination(error: ValueError) -> list[str]:
    """Take apart what a destination says of its settings, one problem after the other."""
    return re.split(r"; (?=(?:registry|mirror)\.)", str(error))

"""Which Titip this is."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final


def _version() -> str:
    try:
        return version("titip")
    except PackageNotFoundError:
        return "unknown"


VERSION: Final = _version()

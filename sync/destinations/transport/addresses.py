"""Whether an address in the settings can ever be asked; nothing that is said of it shows it."""

from __future__ import annotations

import re
from typing import Final

from titip.policies.origins import AddressError, origin

_AUTHORITY: Final = re.compile(r"(?:https?:)?//([^/?#]*)", re.IGNORECASE)
_BLANK: Final = re.compile(r"\s")

CREDENTIAL: Final = "registry.bearer or registry.headers"


def address_problem(url: str, *, credential: str = CREDENTIAL) -> str:
    """Say what is wrong with an address and how to mend it, "" where nothing is.

    `credential` names the settings that a user and a password in the address belong into.
    """
    found = _AUTHORITY.match(url)
    authority = found[1] if found else ""
    if "@" in authority:
        return f"has a user or a password in it: put the credential into {credential}"
    if "{" in authority or "}" in authority:
        return "has a placeholder in its host: they may stand behind it, in the path or the query"
    if _BLANK.search(url):
        return "has a blank in it: write %20 for one that belongs there"
    try:
        host = origin(url).host
        host.encode("idna")
    except AddressError as error:
        return f"cannot be asked: {error}"
    except UnicodeError:
        return "cannot be asked: the address names no host that can be asked"
    return ""

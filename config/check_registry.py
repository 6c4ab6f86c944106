"""Whether the registry can be reached, and answers the way the settings take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import aiohttp

from config.check_finding import bad, note, well
from config.cli_errors import problems_of_destination
from config.destinations import registry_of
from sync.templates import PLACEHOLDERS, Template, in_url
from titip.errors import TitipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.check_finding import Finding
    from config.settings import Settings

TOPIC: Final = "registry"
PATIENCE_SECONDS: Final = 10.0
NOWHERE: Final = dict.fromkeys(PLACEHOLDERS, "0" * 32)
"""An upload that no registry can have."""

NOT_FOUND: Final = 404
REFUSED: Final = frozenset({401, 403, 407})
SUCCESS: Final = range(200, 300)


async def registry_findings(settings: Settings) -> list[Finding]:
    """Look at the registry; hands nothing in."""
    registry = settings.registry
    if registry.kind == "none":
        return [note(TOPIC, "none is configured: operators enter files by hand (titip delivered)")]
    try:
        built = registry_of(settings)
    except ValueError as error:
        return [bad(TOPIC, one, "mend the setting") for one in problems_of_destination(error)]
    if built is None:
        return []
    try:
        found = [*_way(settings), await _health(settings, await built.probe())]
        if registry.kind == "http":
            found.append(await _lookup(settings))
    except TitipError as error:
        found = [bad(TOPIC, f"it could not be asked: {error}", "check registry.url")]
    finally:
        await built.close()
    return found


def _way(settings: Settings) -> Iterator[Finding]:
    registry = settings.registry
    if registry.url.startswith("http://") and registry.bearer.get_secret_value():
        text = "registry.bearer travels in clear to an http:// address"
        yield note(TOPIC, text, "use https:// in registry.url")


async def _health(settings: Settings, is_well: bool | None) -> Finding:  # noqa: FBT001 - a probe's word
    topic, address = "registry health", settings.registry.health
    match is_well:
        case True:
            return well(topic, f"{address or settings.registry.url} answers well")
        case False:
            mend = "if it is known to be down, all is as it should be; else check the address"
            return bad(topic, f"{address or settings.registry.url} does not answer well", mend)
        case None:
            text = "it cannot be asked, so its recovery is found by trying a file now and then"
            return note(topic, text, "name registry.health, if it has such an address")


async def _lookup(settings: Settings) -> Finding:
    """Ask for a file that cannot be there: anything but "not there" would break a promise."""
    topic, registry = "registry lookup", settings.registry
    if not registry.lookup:
        if any(name.lower() == "idempotency-key" for name in registry.headers):
            text = (
                "there is none: after a lost answer a file is sent again with its Idempotency-Key"
            )
            return note(
                topic, text, "does the registry heed that header? Else name registry.lookup"
            )
        text = "there is none, and no Idempotency-Key: a lost answer will need a person"
        return note(topic, text, "name registry.lookup, or send an Idempotency-Key")
    url = Template.parse(registry.lookup).fill(NOWHERE, spell=in_url)
    try:
        status = await _status(url, bearer=registry.bearer.get_secret_value())
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        text = f"it could not be asked ({type(error).__name__})"
        return bad(topic, text, "is the registry up, and registry.lookup right?")
    return _verdict(topic, status)


def _verdict(topic: str, status: int) -> Finding:
    if status == NOT_FOUND:
        return well(topic, "says 404 for a file that is not there, as it must")
    if status in REFUSED:
        return bad(topic, f"answers {status}: not allowed to ask", "renew registry.bearer")
    if status in SUCCESS:
        text = (
            f"answers {status} for a file that is not there: a lost file would count as delivered"
        )
        return bad(
            topic, text, "registry.lookup must answer 404 for what the registry does not have"
        )
    return bad(topic, f"answers {status}", "is the registry up, and registry.lookup right?")


async def _status(url: str, *, bearer: str) -> int:
    headers = {"Accept": "application/json", "User-Agent": "titip"}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        return response.status

"""Whether the registry can be reached, and answers the way the settings take it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from config.check.connection import PATIENCE_SECONDS, reach
from config.check.finding import failure, ok, warning
from config.problems import problems_of_destination
from config.wiring.destinations import http_options, lacking, registry_of, settle_time
from sync.destinations.http.connection import RegistryConnection
from sync.destinations.http.lookup import Lookup
from sync.destinations.http.options import ONE_FILE
from sync.destinations.templates import PLACEHOLDERS, Template, in_url
from titip.delivery import REGISTRY
from titip.errors import TitipError
from titip.policies.origins import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.check.finding import Finding
    from config.settings import Settings
    from sync.destinations.http_answer import Answer
    from titip.ports.delivery import Destination

TOPIC: Final = "registry"
NO_FILE: Final = (
    "put the secret there, one line that this account can read; until then nothing is sent"
)
NOWHERE: Final = dict.fromkeys(PLACEHOLDERS, "0" * 32)
"""An upload that no registry can have."""

REFUSED: Final = frozenset({401, 403, 407})
SUCCESS: Final = range(200, 300)
LEAST_SETTLE: Final = timedelta(seconds=5)
"""Registries are slowest when they stall: one that needs longer than this is no surprise."""


async def registry_findings(settings: Settings) -> list[Finding]:
    """Look at the registry; hands nothing in."""
    registry = settings.registry
    if registry.kind == "none":
        return list(_unused(settings))
    try:
        built = registry_of(settings)
    except ValueError as error:
        return [failure(TOPIC, one, "fix the setting") for one in problems_of_destination(error)]
    if built is None:
        return []
    lacks = [failure(TOPIC, one, NO_FILE) for one in lacking(settings)[REGISTRY]]
    looks = [reach("registry address", "registry.url", registry.url)]
    if not lacks:  # nothing is asked without a credential
        looks.append(_health(settings, built))
    if registry.kind == "http" and (not lacks or not registry.lookup):
        looks.append(_lookup(settings))
    try:
        return [*lacks, *_way(settings), *await asyncio.gather(*looks)]
    finally:
        await built.close()


def _unused(settings: Settings) -> Iterator[Finding]:
    if settings.registry.url:
        yield failure(
            TOPIC,
            'registry.url is set, but registry.kind = "none": nothing is ever sent there',
            'set registry.kind = "http" or "tus"',
        )
    else:
        yield warning(TOPIC, "none is configured: operators enter files by hand (titip delivered)")


def _way(settings: Settings) -> Iterator[Finding]:
    registry = settings.registry
    if registry.url.startswith("http://") and registry.bearer.get_secret_value():
        yield warning(
            TOPIC,
            "registry.bearer travels in clear to an http:// address",
            "use https:// in registry.url",
        )
    settle = settle_time(settings)
    if settle < LEAST_SETTLE:
        yield warning(
            TOPIC,
            f'after {settle.total_seconds():g} s "it is not there" is believed: a registry that '
            "stores a file later than that gets it twice",
            "set registry.settle to the longest time that it may take",
        )
    named = Template.parse(registry.lookup).names if registry.kind == "http" else frozenset()
    is_asked = registry.kind == "http" and bool(registry.lookup)
    if is_asked and not (named & ONE_FILE or registry.lookup_sha256):
        by = "by its name alone" if "filename" in named else "by nothing of its own"
        text = f"registry.lookup names a file {by}: another one may be found in its place"
        yield warning(
            TOPIC, text, "name it by {upload_id} or {sha256}, or set registry.lookup_sha256"
        )


async def _health(settings: Settings, built: Destination) -> Finding:
    topic, address = "registry health", settings.registry.health or settings.registry.url
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            is_well = await built.probe()
    except Exception as error:  # noqa: BLE001 - a server may answer anything
        text = f"{shown(address)} could not be asked ({_why(error)})"
        return failure(topic, text, "check registry.health and registry.url")
    match is_well:
        case True:
            return ok(topic, f"{shown(address)} answers well")
        case False:
            return failure(
                topic,
                f"{shown(address)} is not healthy",
                "if it is known to be down, all is as it should be; else check the address",
            )
        case None if settings.registry.health:
            return failure(
                topic,
                f"{shown(address)} refuses to be asked, so it tells nothing",
                "correct registry.health, or leave it out",
            )
        case None:
            return warning(
                topic,
                "it cannot be asked, so its recovery is found by trying a file now and then",
                "name registry.health, if it has such an address",
            )


def _why(error: Exception) -> str:
    """Name an error; the text of one that is not Titip's own may hold addresses with keys."""
    if isinstance(error, TitipError):
        return str(error)
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__


async def _lookup(settings: Settings) -> Finding:
    """Ask for a file that cannot be there: anything but "not there" would break a promise."""
    topic, registry = "registry lookup", settings.registry
    if not registry.lookup:
        return _no_lookup(topic, settings)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer, absent = await _asked(settings)
    except Exception as error:  # noqa: BLE001 - as above
        text = f"it could not be asked ({_why(error)})"
        return failure(topic, text, "is the registry up, and registry.lookup right?")
    return _verdict(topic, answer, settings, absent=absent)


def _no_lookup(topic: str, settings: Settings) -> Finding:
    lifetime = settings.registry.key_lifetime
    if lifetime is not None:
        return warning(
            topic,
            "there is none: after a lost answer a file is sent again with its Idempotency-Key, as "
            f"long as the registry honours it ({lifetime})",
            "does the registry honour it so long? Else name registry.lookup",
        )
    text = (
        "there is none: after a lost answer a file waits for a person, and so does each one that "
        "is tried while the registry is out (registry.not_stored names answers that keep nothing)"
    )
    if any(name.lower() == "idempotency-key" for name in settings.registry.headers):
        text = f"{text}, for the Idempotency-Key that is sent is no promise of the registry's"
    fix = "name registry.lookup, or registry.key_lifetime if the registry honours the key"
    return warning(topic, text, fix)


def _verdict(topic: str, answer: Answer, settings: Settings, *, absent: bool) -> Finding:
    status, wanted = answer.status, settings.registry.lookup_absent
    if absent:
        said = "as registry.lookup_absent has it" if wanted else "with 404"
        text = f"says {said} that a file is not there which is not, as it must; whether it finds "
        return ok(topic, f"{text}one that is there shows with the first delivery")
    if status in REFUSED:
        return failure(topic, f"answers {status}: not allowed to ask", "renew registry.bearer")
    if status in SUCCESS:
        return failure(
            topic,
            f"answers {status} for a file that is not there: a lost file would count as delivered",
            "registry.lookup must answer 404, or what registry.lookup_absent names, for what the "
            "registry does not have",
        )
    return failure(topic, f"answers {status}", "is the registry up, and registry.lookup right?")


async def _asked(settings: Settings) -> tuple[Answer, bool]:
    """Ask as a delivery does that looks for its file; tell whether it is "not there"."""
    within = timedelta(seconds=PATIENCE_SECONDS)
    options = replace(http_options(settings), answer_within=within)
    line = RegistryConnection(options)
    try:
        answer = await line.ask(Template.parse(options.lookup).fill(NOWHERE, spell=in_url))
    finally:
        await line.close()
    return answer, Lookup(options, line.ask).is_absent(answer)

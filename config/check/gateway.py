"""What the gateway needs: its port, tokens, a safe way to it, and a journal that opens."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.check.finding import failure, ok, warning
from config.runtime.clock import noted_against_clock
from config.runtime.listening import bound_sockets, close_all
from config.runtime.processes import runs
from config.wiring.storage import JOURNAL, open_journal
from storage.journal.migrate import UnfitJournal
from titip.access import Role
from titip.clock import advice
from titip.delivery import REGISTRY
from titip.errors import TitipError
from titip.text import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.check.finding import Finding
    from config.settings import Settings
    from titip.access import Token
    from titip.ports.operations import Totals


def gateway_findings(settings: Settings) -> Iterator[Finding]:
    """Look at what the gateway needs."""
    yield from _journal(settings)
    yield _port(settings)
    yield from _exposure(settings)


def _journal(settings: Settings) -> Iterator[Finding]:
    path = settings.storage.path / JOURNAL
    if not os.access(path.parent, os.X_OK) or not path.exists():
        yield warning("journal", "there is none yet: the first start makes it")
        return
    try:
        with open_journal(settings) as services:
            tokens = asyncio.run(services.tokens.tokens())
            clock = asyncio.run(noted_against_clock(services.journal, now=datetime.now(UTC)))
            totals = asyncio.run(services.records.totals())
    except (UnfitJournal, TitipError) as error:
        yield failure("journal", str(error), f"is {path} readable, whole, and made by this Titip?")
        return
    yield ok("journal", "opens")
    if wrong := advice(clock):
        yield failure(
            "clock", wrong, "set it right, and let chrony or systemd-timesyncd keep it so"
        )
    for one in totals.destinations:
        if one.unproven:
            yield warning(
                "evidence",
                f"{count(one.unproven, 'delivery', 'deliveries')} to the {one.name} without "
                "evidence: it said yes, and nothing shows what is there; the bytes are kept",
                "look there, then titip delivered ID --reference R for each",
            )
    yield from _to_enter(totals, settings)
    yield from _tokens(tokens, settings)


def _to_enter(totals: Totals, settings: Settings) -> Iterator[Finding]:
    """Tell of files that a person would enter a second time: nobody else looks for them."""
    if settings.registry.kind != "none":
        return
    for one in totals.destinations:
        if one.name == REGISTRY and one.maybe_delivered:
            yield warning(
                "in doubt",
                f"{count(one.maybe_delivered, 'file')} to be entered by hand may be in the "
                "registry already",
                "look there first: titip deliveries --to registry marks them",
            )


def _tokens(tokens: Sequence[Token], settings: Settings) -> Iterator[Finding]:
    if settings.gateway.auth == "none":
        return
    live = [token for token in tokens if token.live]
    lo = sum(token.role is Role.LO for token in live)
    text = f"{lo:,} for LOs, {len(live) - lo:,} for operators"
    fix = "titip token create --role lo --submitter NAME"
    if not live:
        yield failure("tokens", "there is none: nobody can hand anything in", fix)
    elif not lo:
        yield warning("tokens", f"{text}: no LO can hand anything in", fix)
    else:
        yield ok("tokens", text)


def _port(settings: Settings) -> Finding:
    topic, listen = "port", settings.gateway.listen
    if runs(settings.storage.path, "gateway"):
        return ok(topic, f"a gateway of this data folder runs (settings: {listen})")
    try:
        close_all(bound_sockets(listen))
    except OSError as error:
        return failure(topic, f"{listen}: {_why(error)}", "choose another gateway.listen")
    return ok(topic, f"{listen} is free")


def _why(error: OSError) -> str:
    match error:
        case socket.gaierror():
            return "there is no such address"
        case OSError(errno=errno.EADDRINUSE):
            return "another program listens there"
        case OSError(errno=errno.EACCES):
            return "this account may not listen there (ports below 1024 are for root)"
        case _:
            return str(error.strerror)


def _exposure(settings: Settings) -> Iterator[Finding]:
    gateway = settings.gateway
    if is_loopback(gateway.listen.rpartition(":")[0]):
        if gateway.auth == "none":
            yield warning("tokens", 'gateway.auth = "none": every program here may read everything')
        return
    if gateway.auth == "none":
        yield failure(
            "tokens",
            f'gateway.auth = "none" on {gateway.listen}: the whole network may read everything',
            'set gateway.auth = "token", or listen on 127.0.0.1',
        )
    if not gateway.public_url.startswith("https://"):
        yield warning(
            "encryption",
            f"{gateway.listen} is open to the network and gateway.public_url is not https",
            "put a TLS proxy before it: else tokens and files can be read on the way",
        )


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine come in by this address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

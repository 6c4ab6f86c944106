"""Whether an address can be reached at all: its name, port and certificate; nothing is asked."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from contextlib import suppress
from typing import Final

from config.check_finding import Finding, bad, well
from titip.origins import AddressError, Origin, origin, shown

PATIENCE_SECONDS: Final = 10.0
"""For all that one destination is asked."""


async def reach(topic: str, setting: str, url: str) -> Finding:
    """Connect to where an address leads, and let go again."""
    try:
        there = origin(url)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await _touch(there)
    except AddressError as error:
        return bad(topic, f"{setting}: {error}", f"mend {setting}")
    except TimeoutError:
        return bad(topic, f"{shown(url)} does not answer in time", _mend(setting))
    except (OSError, UnicodeError) as error:
        return bad(topic, f"{shown(url)} cannot be reached: {_why(error)}", _mend(setting))
    return well(topic, f"{shown(url)} can be reached")


async def _touch(there: Origin) -> None:
    """Open a connection, with TLS where the address has it; raises OSError."""
    context = ssl.create_default_context() if there.scheme == "https" else None
    _, writer = await asyncio.open_connection(there.host, there.port, ssl=context)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _mend(setting: str) -> str:
    return f"is it up, and {setting} right? If it is known to be down, all is as it should be"


def _why(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not accepted ({error.verify_message})"
        case ssl.SSLError():
            return "it does not speak TLS as it should; is http:// meant?"
        case socket.gaierror() | UnicodeError():
            return "there is no such host"
        case OSError(errno=errno.ECONNREFUSED):
            return "nobody listens there"
        case OSError() if error.errno:
            return os.strerror(error.errno)
        case _:
            return "the connection was cut"

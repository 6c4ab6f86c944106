"""Google's credentials: their file, looked at before anything of the library's sees it.

And where they may be shown: Drive's own origins, and Google's services that give tokens.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

import structlog
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from sync.destinations.credentials.small_file import read_small, signature
from sync.destinations.transport.addresses import address_problem
from sync.destinations.transport.bound_origin import BoundOrigin
from titip.errors import DestinationUnavailable
from titip.policies.origins import is_of, origins, shown
from titip.text import decoded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from google.auth.credentials import Credentials

    from sync.destinations.credentials.small_file import Signature
    from sync.destinations.drive.options import DriveOptions

log = structlog.get_logger()

GOOGLE: Final = "https://www.googleapis.com/"
"""Where Drive's calls and its upload sessions are (Drive's guide)."""

TOKENS: Final = origins(
    ["https://oauth2.googleapis.com", "https://www.googleapis.com", "https://accounts.google.com"]
)
"""Where Google gives tokens, today and in credentials of earlier years."""

PLACE_ADVICE: Final = "nothing is sent there; look at what stands between Titip and Drive"

SCOPE: Final = "https://www.googleapis.com/auth/drive.file"
"""Sees only what Titip made, and needs no assessment by Google."""

TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)

LARGEST: Final = 1 << 20
"""Bytes of such a file; Google's have about two thousand."""

_KEYS: Final = {
    "authorized_user": ("refresh_token", "client_id", "client_secret"),
    "service_account": ("client_email", "private_key", "token_uri"),
}
_OTHERS: Final = ("token_uri", "private_key_id", "project_id", "universe_domain", "subject")
"""Read where they are there; nothing but a text is understood."""


def drive_place(endpoint: str) -> BoundOrigin:
    """Give the place that Drive's answers may lead to: Google's, or the endpoint's own."""
    return BoundOrigin(endpoint or GOOGLE, TOKENS, advice=PLACE_ADVICE)


class CredentialsFile:
    """The credentials' file, read when a connection is made, and again when it has changed.

    One that is of no use just then leaves those in use that it held last.
    """

    def __init__(self, options: DriveOptions) -> None:
        self._options = options
        self._why = ""
        self._make: Callable[[], Credentials] | None = None
        self._seen: Signature | None = None

    def now(self) -> Credentials:
        """Give credentials for a connection; raises DestinationUnavailable while there are none."""
        seen = self._signature()
        if self._make is None or seen not in {None, self._seen}:
            self._load()
            self._seen = seen
        if self._make is None:
            raise DestinationUnavailable(self._why, outage=True)
        return self._make()

    def _load(self) -> None:
        try:
            self._make = load_credentials(self._options)
        except ValueError as error:
            self._why = str(error)
            if self._make is not None:
                log.warning("credentials.not_read", reason=self._why)

    def _signature(self) -> Signature | None:
        path = self._options.credentials
        try:
            return None if path is None else signature(path)
        except (OSError, ValueError):
            return None


def load_credentials(options: DriveOptions) -> Callable[[], Credentials]:
    """Read the credentials' file; give what makes a copy for each connection.

    Another endpoint than Google's may do without the file. Raises ValueError that says what to do.
    """
    path = options.credentials
    there = path is not None and os.path.exists(path)  # noqa: PTH110 - Path.exists may raise
    if path is None or (options.endpoint and not there):
        return AnonymousCredentials  # type: ignore[no-any-return,unused-ignore]
    document = read_credentials(path)
    make = {"authorized_user": _user, "service_account": _service}[document["type"]]
    tokens = document.get("token_uri") or TOKEN_URI
    if not _may_give_tokens(tokens, options.endpoint):
        raise ValueError(
            f"mirror.drive.credentials: {path} names {shown(tokens)} as its token service, "
            "which is not Google's; make it anew"
        )
    try:
        make(document)
    except Exception as error:  # whatever a library makes of a key
        raise ValueError(f"mirror.drive.credentials: {path} is incomplete; make it anew") from error
    return lambda: make(document)


def _may_give_tokens(url: str, endpoint: str) -> bool:
    return is_of(url, TOKENS) or (bool(endpoint) and drive_place(endpoint).is_ours(url))


def _user(document: dict[str, str]) -> Credentials:
    return user_credentials.Credentials(
        token=None,
        refresh_token=document["refresh_token"],
        token_uri=document.get("token_uri") or TOKEN_URI,
        client_id=document["client_id"],
        client_secret=document["client_secret"],
    )


def _service(document: dict[str, str]) -> Credentials:
    made: Credentials = service_account.Credentials.from_service_account_info(
        document, scopes=[SCOPE]
    )
    return made


def read_credentials(path: Path) -> dict[str, str]:
    """Give what of the file is read, its type among it; raises ValueError that says what to do."""
    document = _document(path)
    kind = document.get("type") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(kind, str) or kind not in _KEYS:
        raise ValueError(
            f"mirror.drive.credentials: {path} is neither of type authorized_user nor of type "
            "service_account; an OAuth client's own file is not enough, authorise it first"
        )
    needed = _KEYS[kind]
    found = {key: document[key] for key in (*needed, *_OTHERS) if document.get(key) is not None}
    wrong = sorted(key for key, value in found.items() if not isinstance(value, str))
    missing = sorted(key for key in needed if not document.get(key))
    if wrong or missing:
        told = (
            f"is incomplete: its {', '.join(wrong)} must be text"
            if wrong
            else f"is incomplete: it has no {', '.join(missing)}"
        )
        raise ValueError(f"mirror.drive.credentials: {path} {told}; make it anew")
    if found.get("token_uri") and address_problem(found["token_uri"]):
        raise ValueError(
            f"mirror.drive.credentials: {path} has no address as token_uri; make it anew"
        )
    return {**found, "type": kind}


def _document(path: Path) -> object:
    named = f"mirror.drive.credentials: {path}"
    try:
        text = decoded(read_small(path, most=LARGEST))
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(f"{named} cannot be read ({told}); make it anew") from error
    if not text.strip():
        raise ValueError(f"{named} is empty; make it anew")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{named} is no JSON; make it anew") from error

"""Which of the configured headers go with a request to a registry, and their secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sync.destinations.credentials.secret_text import SecretText
from sync.destinations.templates import Template, in_header
from titip.errors import DestinationUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


HIDDEN: Final = "(a secret)"
SHORTEST: Final = 6
"""Characters: what is shorter is no secret, and stands in other words by chance."""

_NAMES_SECRET: Final = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)

_NO_TOKEN: Final = (
    (re.compile(r"bearer\s", re.IGNORECASE), 'begins with "Bearer", which is added by itself'),
    (re.compile(r"(?P<quote>[\"'`]).*(?P=quote)\Z"), "stands in quotes of its own"),
    (re.compile(r"(?:export\s+)?[A-Z][A-Z0-9_]+=[^=]"), "looks like NAME=VALUE"),
    (re.compile(r"\$(?:\{\w+\}|[A-Za-z_]\w*)\Z"), "is the name of a variable, which is not filled"),
)
_PATH: Final = re.compile(
    r"@?(?:/(?:run|etc|var|home|root|opt|srv|mnt|media|tmp|usr|secrets)/|~/)"
    r"|file\s*(?::|=)",
    re.IGNORECASE,
)
"""Where secrets lie. A token may begin with any other slash: base64 has it."""


class RegistryHeaders:
    """The headers of one registry: `Authorization` for its bearer, and those of a table.

    A file's own headers (Idempotency-Key, Content-*) belong to the request that brings it. What a
    `file:` holds is put in last, so that no name of a file is ever taken for one.
    """

    def __init__(self, headers: Mapping[str, str], *, bearer: str = "") -> None:
        self._texts = dict(headers)
        self._bearer = SecretText(bearer, fault=bearer_fault)
        self._secrets = {
            name: secret for name, text in headers.items() if (secret := SecretText(text)).named
        }
        self._named = {"registry.bearer": self._bearer}
        self._named |= {f"registry.headers.{name}": one for name, one in self._secrets.items()}

    def hopeless(self) -> Iterator[str]:
        """Tell what no file could mend: words that can never be a credential."""
        if fault := bearer_fault(self._bearer.plain):
            yield f"registry.bearer {fault}"
        if self._bearer.plain or self._bearer.named:
            for name in self._texts:
                if name.lower() == "authorization":
                    yield (
                        f"registry.bearer stands beside registry.headers.{name}, which says the "
                        "same: leave one of them out"
                    )
        for setting, secret in self._named.items():
            if secret.is_unfilled:
                yield f"{setting}: write the whole path after file:, without ~ or $"

    def problems(self) -> Iterator[str]:
        """Tell what is wrong with the files of secrets just now."""
        for setting, secret in self._named.items():
            if problem := secret.problem():
                yield f"{setting}: {problem}"

    def refuse_lacking(self) -> None:
        """Raise DestinationUnavailable while a secret is not there: nothing is sent without it."""
        for setting, secret in self._named.items():
            if lack := secret.lack():
                raise DestinationUnavailable(f"{setting}: {lack}", outage=True)

    def sending(self, filled: Mapping[str, str]) -> dict[str, str]:
        """Give the headers of the request that brings a file.

        Raises DestinationUnavailable without one.
        """
        self.refuse_lacking()
        named = self._with_secrets(filled)
        if any(name.lower() == "authorization" for name in named):
            return named
        return {**self._authorization(), **named}

    def asking(self, filled: Mapping[str, str]) -> dict[str, str]:
        """Give the headers of a request that asks about a file."""
        return self.sending({name: text for name, text in filled.items() if not _is_files(name)})

    def of_no_file(self) -> dict[str, str]:
        """Give the headers of a request that is about no file: those without placeholders."""
        return self.asking(
            {
                name: Template.parse(text).fill({}, spell=in_header)
                for name, text in self._texts.items()
                if not Template.parse(text).names
            }
        )

    def hide(self, headers: Mapping[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        """Strike out what is secret in an answer: one that says it back is shown to people."""
        shown = dict(headers)
        for secret in self._told():
            body = body.replace(secret.encode(), HIDDEN.encode())
            shown = {name: text.replace(secret, HIDDEN) for name, text in shown.items()}
        return shown, body

    def _told(self) -> Iterator[str]:
        values = [self._bearer.value, *(secret.secret() for secret in self._secrets.values())]
        values += [
            text.rpartition(" ")[2]
            for name, text in self._texts.items()
            if _NAMES_SECRET.search(name) and name not in self._secrets and "{" not in text
        ]
        return (value for value in values if len(value) >= SHORTEST)

    def renew(self) -> bool:
        """Read every secret again, since one was refused; tell whether any is another one."""
        renewed = [secret.renew() for secret in (self._bearer, *self._secrets.values())]
        return any(renewed)

    def _authorization(self) -> dict[str, str]:
        bearer = self._bearer.value
        return {"Authorization": f"Bearer {bearer}"} if bearer else {}

    def _with_secrets(self, filled: Mapping[str, str]) -> dict[str, str]:
        return {
            name: _put_in(self._secrets[name], text) if name in self._secrets else text
            for name, text in filled.items()
        }


def filled(texts: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Fill what is known of a file into a table's texts; secrets are still to be put in."""
    return {name: Template.parse(text).fill(known, spell=in_header) for name, text in texts.items()}


def _put_in(secret: SecretText, text: str) -> str:
    """Put what the file holds in the place of its name, with which the filled text ends."""
    named = secret.named.replace("{{", "{").replace("}}", "}")
    return text.removesuffix(named) + secret.secret()


def _is_files(name: str) -> bool:
    lower = name.lower()
    return lower == "idempotency-key" or lower.startswith("content-")


def bearer_fault(text: str) -> str:
    """Say why a text is no token, and what to write; "" where it may be one. It is not shown."""
    for pattern, fault in _NO_TOKEN:
        if pattern.match(text):
            return f"{fault}: write the token alone"
    if _PATH.match(text):
        return 'begins like a path: write "file:/run/secrets/registry" to have the file read'
    return ""

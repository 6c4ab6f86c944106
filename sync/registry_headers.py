"""Which of the configured headers go with a request to a registry, and their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.secret_text import SecretText
from sync.templates import Template, in_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class RegistryHeaders:
    """The headers of one registry: `Authorization` for its bearer, and those of a table.

    A file's own headers (Idempotency-Key, Content-*) belong to the request that brings it. What a
    `file:` holds is put in last, so that no name of a file is ever taken for one.
    """

    def __init__(self, headers: Mapping[str, str], *, bearer: str = "") -> None:
        self._texts = dict(headers)
        self._bearer = SecretText(bearer)
        self._secrets = {
            name: secret for name, text in headers.items() if (secret := SecretText(text)).named
        }

    def problems(self) -> Iterator[str]:
        """Tell what is wrong with the files of secrets."""
        named = {"registry.bearer": self._bearer}
        named |= {f"registry.headers.{name}": secret for name, secret in self._secrets.items()}
        for setting, secret in named.items():
            if problem := secret.problem():
                yield f"{setting}: {problem}"

    def sending(self, filled: Mapping[str, str]) -> dict[str, str]:
        """Give the headers of the request that brings a file."""
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
                if not Template.parse(text).has_placeholders
            }
        )

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

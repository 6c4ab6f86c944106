"""Switch a running stand-in from outside, without asyncio: for a command line, or a judge."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 10.0
_OK = 200


class StandinTrouble(RuntimeError):
    """Say why the stand-in could not be reached or would not obey."""


def set_mode(url: str, mode: str, **params: object) -> dict[str, Any]:
    """Switch the registry at `url` to `mode`; give the mode as it is now."""
    answer: dict[str, Any] = _ask(url, "POST", "/standin/mode", body={"mode": mode, **params})
    return answer


def set_fault(url: str, name: str, **params: object) -> dict[str, Any]:
    """Switch a fault of the Drive at `url` on ("none" clears all); give the faults that are on."""
    answer: dict[str, Any] = _ask(url, "POST", "/standin/faults", body={"name": name, **params})
    return answer


def read_stats(url: str) -> dict[str, Any]:
    """Read the counts of the stand-in at `url`."""
    answer: dict[str, Any] = _ask(url, "GET", "/standin/stats")
    return answer


def read_entries(url: str) -> list[dict[str, Any]]:
    """Read everything the stand-in at `url` holds."""
    answer: list[dict[str, Any]] = _ask(url, "GET", "/standin/entries")
    return answer


def _ask(url: str, method: str, path: str, *, body: object = None) -> Any:  # noqa: ANN401  (JSON)
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise StandinTrouble(
            f"{url!r} is no address of a stand-in; it looks like http://127.0.0.1:9001"
        )
    connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, path, body=payload, headers={"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    except OSError as error:
        raise StandinTrouble(f"no stand-in answers at {url}: {error}") from error
    finally:
        connection.close()
    if response.status != _OK:
        raise StandinTrouble(f"the stand-in answered {response.status}: {_reason(text)}")
    return json.loads(text)


def _reason(text: bytes) -> str:
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return "that is no answer of a stand-in"

"""What a command says when it cannot do its work: one clear sentence each, and the exit code."""

from __future__ import annotations

import difflib
import json
import os
from typing import TYPE_CHECKING, Any, Final, get_origin

from pydantic import BaseModel

from config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo

FAILED: Final = 1
"""It was asked properly and did not work."""
USAGE_ERROR: Final = 2
"""The command or the settings are wrong; nothing was tried."""

ENV_PREFIX: Final = "TITIP__"

_PATTERNS: Final[Mapping[str, str]] = {
    "reference": 'write a JSON pointer, such as "/id", or "" for none',
    "lookup_sha256": 'write a JSON pointer, such as "/sha256", or "" for none',
    "reason": 'write a JSON pointer, such as "/message", or "" for the usual places',
}
_PLAIN: Final[Mapping[str, str]] = {
    "tuple_type": "must be a list: write it in brackets, such as [200, 201]",
}
_ADDRESS: Final = 'write an address, such as "https://registry.example/intake", or "" for none'


class CliError(Exception):
    """A command cannot do its work; every line is a sentence for a person."""

    def __init__(self, *lines: str, code: int = FAILED) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.code = code


def problems_of(error: ValidationError) -> list[str]:
    """Tell every problem of the settings: its key, what is wrong, and its mend."""
    found = error.errors(include_url=False)
    return [problem_line(one) for one in found if "EnvSettingsSource" not in one["msg"]]


def headed(problems: Sequence[str], *, source: str) -> list[str]:
    """Put a line over the problems that says how many there are and where."""
    number = "One problem" if len(problems) == 1 else f"{len(problems)} problems"
    return [f"{number} in the settings ({source}):", *(f"  {line}" for line in problems)]


def problem_line(found: Mapping[str, Any]) -> str:
    """Tell one problem that pydantic found; never the value, which may be a secret."""
    location = [str(part) for part in found["loc"]]
    key = ".".join(location)
    variable = ENV_PREFIX + "__".join(location).upper()
    origin = f" (from the environment variable {variable})" if variable in os.environ else ""
    text = f"{_what(found, location)}{origin}"
    return f"{key}: {text}" if key else text


def problems_of_variables(environment: Mapping[str, str]) -> list[str]:
    """Tell which `TITIP__SECTION__KEY` variables are not read, or not as they were meant."""
    problems = []
    for name in sorted(name for name in environment if name.startswith(ENV_PREFIX)):
        section, *rest = name.removeprefix(ENV_PREFIX).lower().split("__")
        if section not in Settings.model_fields:
            known = ", ".join(Settings.model_fields)
            problems.append(f"{name}: there is no section {section}; there are: {known}")
        elif not rest:
            problems.append(f"{name}: name a key too, as in {name}__KEY")
        elif _wants_json([section, *rest]) and not _is_json(environment[name]):
            problems.append(f"{name}: write JSON, such as [200, 201] or {{}}")
    return problems


def _wants_json(location: Sequence[str]) -> bool:
    field = _table(location[:-1]).get(location[-1])
    return field is not None and get_origin(field.annotation) in {tuple, dict}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _what(found: Mapping[str, Any], location: Sequence[str]) -> str:
    context = found.get("ctx", {})
    match found["type"]:
        case "extra_forbidden":
            return _unknown(location)
        case "value_error":
            return str(context.get("error", found["msg"]))
        case "literal_error":
            return f"must be {context.get('expected', 'another value')}"
        case "string_pattern_mismatch":
            return f"is not well-formed; {_PATTERNS.get(location[-1], _ADDRESS)}"
        case "model_type":
            return f"must be a table: write [{'.'.join(location)}] and its keys below"
        case kind:
            return _PLAIN.get(kind, str(found["msg"]))


def _unknown(location: Sequence[str]) -> str:
    there = sorted(_table(location[:-1]))
    near = difflib.get_close_matches(location[-1], there, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are: {', '.join(there)}"
    return f"is no setting; {advice}"


def _table(location: Sequence[str]) -> Mapping[str, FieldInfo]:
    """Give the keys of the table at this place, none for what is no table."""
    model: type[BaseModel] = Settings
    for part in location:
        kind = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return {}
        model = kind
    return model.model_fields

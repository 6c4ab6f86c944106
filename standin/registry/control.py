"""Switch the registry's mode from outside, and show a judge what it holds."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from standin.control_routes import ControlRoutes
from standin.registry.modes import describe_mode, name_of, parse_mode
from standin.registry.responses import ServerState


class RegistrySwitch(ControlRoutes):
    """The control of a registry."""

    path = "/standin/mode"

    def __init__(self, premises: ServerState) -> None:
        self._premises = premises

    def switch(self, document: Mapping[str, object]) -> None:
        """Switch to the mode in the document."""
        self._premises.weather.turn(parse_mode(document))

    def state(self) -> dict[str, object]:
        """Tell the mode that is on."""
        return describe_mode(self._premises.weather.mode)

    def stats(self) -> dict[str, Any]:
        """Count everything a judge asks for."""
        premises = self._premises
        return {
            **premises.store.stats(),
            "in_flight": premises.in_flight,
            "waiting": premises.waiting,
            "peak_in_flight": premises.peak_in_flight,
            "requests": dict(premises.by_kind),
            "requests_by_mode": dict(premises.by_mode),
            "mode": name_of(premises.weather.mode),
        }

    def entries(self) -> list[dict[str, Any]]:
        """Give every entry and where its body lies."""
        store = self._premises.store
        return [
            {**asdict(entry), "path": str(store.path_of(entry)), "came": store.came(entry)}
            for entry in store
        ]

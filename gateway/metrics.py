"""What is counted, for Prometheus; no label names an upload or a submitter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from titip.health import Circuit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from titip.ports.operations import DestinationStatus, Totals
    from titip.ports.storage import DiskSpace

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"})
"""Methods that get a label of their own; made-up ones share `other`."""

COMMIT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Seconds: from an NVMe disk's sync to a disk in trouble."""


def _oldest(standing: DestinationStatus, now: datetime) -> float:
    return (now - standing.oldest_owed).total_seconds() if standing.oldest_owed else 0


_OF_DESTINATION: Final[
    Sequence[tuple[str, str, Callable[[DestinationStatus, datetime], float]]]
] = (
    ("delivery_oldest_seconds", "Age of the oldest delivery still owed", _oldest),
    ("destination_paused", "1 while an operator paused it", lambda one, _: one.paused),
    (
        "destination_refusing",
        "1 while it refuses files alike, one after another",
        lambda one, _: bool(one.brakes.refusing),
    ),
    (
        "destination_braked_submitters",
        "Submitters whose files wait since many were refused alike",
        lambda one, _: len(one.brakes.braked),
    ),
    (
        "deliveries_unproven",
        "Deliveries without evidence that they arrived",
        lambda one, _: one.unproven,
    ),
    (
        "deliveries_maybe_delivered",
        "Deliveries still owed that may be there already",
        lambda one, _: one.maybe_delivered,
    ),
)
"""What each scrape tells of a destination: a gauge's name, its text, and how its value is found."""


class Metrics:
    """The counters of one gateway, and at each scrape the numbers of the journal."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        counter, gauge = self._counter, self._gauge
        self._requests = counter("requests", "Requests answered", "method", "code")
        self.bytes = counter("upload_bytes", "Bytes of uploads committed")
        self.created = counter("uploads_created", "Uploads begun")
        self.sealed = counter("uploads_sealed", "Uploads completed and taken into custody")
        self.terminated = counter("uploads_terminated", "Uploads withdrawn unfinished")
        self.in_flight = gauge("requests_in_flight", "Requests being answered now")
        self.connections = gauge("connections", "Connections open now")
        self.connections_closed = counter(
            "connections_closed", "Connections closed or refused to spare the others", "reason"
        )
        self.commit_seconds = Histogram(
            "titip_commit_seconds",
            "Time to bring bytes and their offset to stable storage",
            buckets=COMMIT_BUCKETS,
            registry=self._registry,
        )
        self._lines_dropped = counter(
            "log_lines_dropped", "Lines of the log lost since their reader stood still"
        )
        self._told_dropped = 0
        self._answers: dict[tuple[str, int], Counter] = {}
        self._free = gauge("disk_free_bytes", "Bytes free on the spool's disk")
        self._promised = gauge("disk_promised_bytes", "Bytes still to come of unfinished uploads")
        self._uploads = gauge("uploads", "Uploads by state", "state")
        self._damaged = gauge("uploads_damaged", "Sealed uploads whose bytes are damaged or lost")
        self._deliveries = gauge("deliveries", "Deliveries by state", "destination", "state")
        self._circuit = gauge(
            "destination_circuit",
            "1 for the state the destination's circuit is in",
            "destination",
            "circuit",
        )
        self._window = gauge(
            "destination_window", "Deliveries that may be carried at once", "destination"
        )
        self._of_destination = [
            (gauge(name, text, "destination"), value) for name, text, value in _OF_DESTINATION
        ]

    def answered(self, method: str, status: int) -> None:
        """Count a request by its method and status."""
        key = (method, status)
        child = self._answers.get(key)
        if child is None:
            named = method if method in METHODS else "other"
            child = self._requests.labels(method=named, code=str(status))
            if named == method:
                self._answers[key] = child
        child.inc()

    def render(
        self, totals: Totals, room: DiskSpace, *, now: datetime, lines_dropped: int = 0
    ) -> bytes:
        """Give the page for a scrape; `lines_dropped` were lost since the start."""
        self._lines_dropped.inc(lines_dropped - self._told_dropped)
        self._told_dropped = lines_dropped
        self._free.set(room.free)
        self._promised.set(room.promised)
        for state, count in totals.uploads.items():
            self._uploads.labels(state=state).set(count)
        self._damaged.set(totals.damaged)
        self._deliveries.clear()
        for standing in totals.destinations:
            self._show_destination(standing, now)
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"titip_{name}", text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"titip_{name}", text, labels, registry=self._registry)

    def _show_destination(self, standing: DestinationStatus, now: datetime) -> None:
        name = standing.name
        for state, count in standing.counts.items():
            self._deliveries.labels(destination=name, state=state).set(count)
        for gauge, value in self._of_destination:
            gauge.labels(destination=name).set(value(standing, now))
        if standing.health is None:
            return
        self._window.labels(destination=name).set(standing.health.window)
        for circuit in Circuit:
            is_in = standing.health.circuit is circuit
            self._circuit.labels(destination=name, circuit=circuit).set(is_in)

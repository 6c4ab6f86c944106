"""The HTTP registry keeps the contract, with each way of framing and of recognising a file."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from standin.registry.server import RegistryOptions as StandinOptions
from standin.registry.server import RunningRegistry, serve_registry
from standin.registry.store import Repeat
from sync.destinations.http.options import BodyKind, RegistryOptions
from sync.destinations.http.registry import HttpRegistry
from tests.contract.destination_contract import DestinationContract

FIELDS = {"sha256": "{sha256}", "filename": "{filename}", "key": "{upload_id}"}


@dataclass
class RegistryPlace:
    far: RunningRegistry
    destination: HttpRegistry

    def held(self):
        return [Path(str(entry["path"])).read_bytes() for entry in self.far.entries()]


@asynccontextmanager
async def a_registry(repeat=Repeat.STORE, **options):
    async with serve_registry(StandinOptions(repeat=repeat, bearer="secret")) as far:
        filled = {name: text.format(far=far) for name, text in options.pop("at").items()}
        near = HttpRegistry(
            RegistryOptions(
                bearer="secret", reference="/id", health=far.health_url, **filled, **options
            )
        )
        try:
            yield RegistryPlace(far, near)
        finally:
            await near.close()


EVER = timedelta(days=36500)
LOOKUP = {"lookup": "{far.lookup_url}", "lookup_sha256": "/sha256"}


class TestFormWithLookup(DestinationContract):
    def place(self):
        return a_registry(at={"url": "{far.intake_url}", **LOOKUP}, fields=FIELDS)


class TestRawWithLookup(DestinationContract):
    def place(self):
        return a_registry(
            at={"url": "{far.intake_url}?key={{upload_id}}", **LOOKUP},
            method="PUT",
            body=BodyKind.RAW,
        )


class TestIdempotencyKeyAlone(DestinationContract):
    def place(self):
        return a_registry(
            Repeat.DEDUPE,
            at={"url": "{far.intake_url}"},
            fields=FIELDS,
            headers={"Idempotency-Key": "{delivery_id}"},
            key_lifetime=EVER,
        )


class TestConflictIsADuplicate(DestinationContract):
    def place(self):
        return a_registry(
            Repeat.CONFLICT,
            at={"url": "{far.intake_url}"},
            fields=FIELDS,
            headers={"Idempotency-Key": "{delivery_id}"},
            key_lifetime=EVER,
            duplicate=[409],
        )

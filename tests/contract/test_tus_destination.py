"""The tus registry keeps the contract, against a gateway of our own."""

import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sync.destinations.tus.registry import TusOptions, TusRegistry
from tests.contract.destination_contract import DestinationContract
from tests.gateway_fixtures import Gateway, gateway
from titip.upload import UploadState


@dataclass
class TusPlace:
    far: Gateway
    destination: TusRegistry

    def held(self):
        return [
            self.far.store.spool[upload.id]
            for upload in self.far.store.uploads.values()
            if upload.state is UploadState.SEALED
        ]


class TestTusRegistry(DestinationContract):
    @asynccontextmanager
    async def place(self):
        with tempfile.TemporaryDirectory() as folder:
            async with gateway(Path(folder)) as far:
                bearer = far.lo["Authorization"].removeprefix("Bearer ")
                near = TusRegistry(
                    TusOptions(url=f"{far.url}/files/", bearer=bearer, chunk=1 << 20)
                )
                try:
                    yield TusPlace(far, near)
                finally:
                    await near.close()

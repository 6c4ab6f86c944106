"""The fake keeps the contract too, bare and within each wrapper."""

from contextlib import asynccontextmanager
from dataclasses import dataclass

from sync.destinations.copy_check import WithCopyCheck
from sync.destinations.timeout import WithTimeout
from tests.contract.destination_contract import DestinationContract
from tests.destination_fakes import MemoryDestination
from titip.ports.delivery import Destination


@dataclass
class MemoryPlace:
    memory: MemoryDestination
    destination: Destination

    def held(self):
        return list(self.memory.copies.values())


class TestMemoryDestination(DestinationContract):
    @asynccontextmanager
    async def place(self):
        memory = MemoryDestination()
        yield MemoryPlace(memory, memory)


class TestWrappedDestination(DestinationContract):
    @asynccontextmanager
    async def place(self):
        memory = MemoryDestination()
        yield MemoryPlace(memory, WithTimeout(WithCopyCheck(memory, must_prove=True)))

"""The Drive mirror keeps the contract, bare and verified."""

from contextlib import asynccontextmanager
from dataclasses import dataclass

from standin.drive.server import RunningDrive
from sync.destinations.copy_check import WithCopyCheck
from tests.contract.destination_contract import DestinationContract
from tests.drive_places import a_drive, a_mirror, copies
from titip.ports.delivery import Destination


@dataclass
class DrivePlace:
    far: RunningDrive
    destination: Destination

    def held(self):
        return copies(self.far)


class TestDriveMirror(DestinationContract):
    @asynccontextmanager
    async def place(self):
        async with a_drive() as (far, options), a_mirror(options) as near:
            yield DrivePlace(far, near)


class TestVerifiedDriveMirror(DestinationContract):
    @asynccontextmanager
    async def place(self):
        async with a_drive() as (far, options), a_mirror(options) as near:
            yield DrivePlace(far, WithCopyCheck(near, must_prove=True))

"""Both that join parts: over the real store, and over the one of the tests."""

from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.contract.joiner_contract import Joined, JoinerContract
from tests.fake_records import MemoryRecords
from tests.fakes import MemoryJoiner, MemoryStore
from tests.storage_fixtures import opened_house


class TestSpoolJoiner(JoinerContract):
    @asynccontextmanager
    async def joined(self):
        with TemporaryDirectory() as folder, opened_house(Path(folder)) as house:
            yield Joined(house.joiner, house.store, house.records)


class TestMemoryJoiner(JoinerContract):
    @asynccontextmanager
    async def joined(self):
        with TemporaryDirectory() as folder:
            store = MemoryStore(Path(folder))
            yield Joined(MemoryJoiner(store), store, MemoryRecords(store))

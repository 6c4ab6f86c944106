"""The fake store keeps the contract too: what is tested against it holds for the real one."""

from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.contract.store_contract import Kept, StoreContract
from tests.fake_records import MemoryRecords
from tests.fakes import MemoryStore


class TestMemoryStore(StoreContract):
    @asynccontextmanager
    async def kept(self):
        with TemporaryDirectory() as folder:
            store = MemoryStore(Path(folder))
            yield Kept(store, MemoryRecords(store))

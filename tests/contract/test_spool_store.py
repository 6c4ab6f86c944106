"""The store of one machine, on a real disk and a real journal."""

from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.contract.store_contract import Kept, StoreContract
from tests.storage_fixtures import opened_house


class TestSpoolStore(StoreContract):
    @asynccontextmanager
    async def kept(self):
        with TemporaryDirectory() as folder, opened_house(Path(folder)) as house:
            yield Kept(house.store, house.records)

"""A deposit of unknown length: nothing was set aside for it, so it asks for room on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from titip.upload import Closing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from titip.ports import Deposit
    from titip.upload import Upload


class RationedDeposit:
    """Implements titip.ports.Deposit over another one.

    Without it a body that never tells its length would fill the disk, and take the room that was
    promised to all others.
    """

    def __init__(self, deposit: Deposit, *, ask: Callable[[int], Awaitable[None]]) -> None:
        """Ask before each batch for its bytes; the answer no is StorageFull."""
        self._deposit = deposit
        self._ask = ask

    @property
    def upload(self) -> Upload:
        """Give the upload as last committed."""
        return self._deposit.upload

    @property
    def written(self) -> int:
        """Give the offset up to which bytes were written."""
        return self._deposit.written

    async def write(self, batch: Sequence[bytes]) -> None:
        """Write the batch where there is room; raises StorageFull."""
        await self._ask(sum(map(len, batch)))
        await self._deposit.write(batch)

    async def commit(
        self, batch: Sequence[bytes] = (), *, closing: Closing = Closing.AT_LENGTH
    ) -> Upload:
        """Commit with the batch where there is room; raises StorageFull."""
        if batch:
            await self._ask(sum(map(len, batch)))
        return await self._deposit.commit(batch, closing=closing)

    async def rewind(self) -> None:
        """Forget what was written since the last commit."""
        await self._deposit.rewind()

    async def close(self) -> None:
        """Let go of the file."""
        await self._deposit.close()

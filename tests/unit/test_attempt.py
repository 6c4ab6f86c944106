"""What an attempt makes of a spool that does not hold what was sealed."""

import os

from tests.unit.test_lane import Scripted, opened_line


async def test_a_spool_that_lost_bytes_passes_nothing_on_and_waits_for_a_human(tmp_path):
    async with opened_line(tmp_path, Scripted()) as line:
        upload = await line.house.hand_in(b"papers")
        os.truncate(line.house.spool.path(upload.id), 3)

        await line.turn()

        assert line.destination.seen == []
        assert await line.states() == {"parked": 1}
        registry, mirror = await line.house.records.of_upload(upload.id)
        assert "3 bytes instead of 6" in registry.reason
        assert mirror.state.owed

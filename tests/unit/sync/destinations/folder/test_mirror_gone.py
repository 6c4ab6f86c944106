"""A mirror's folder that is gone is noticed by a new process too: the journal tells of copies."""

import asyncio

import pytest

from config.wiring.destinations import mirror_of
from sync.destinations.copy_check import WithCopyCheck
from sync.destinations.folder.mirror import FolderMirror, FolderOptions
from sync.destinations.timeout import WithTimeout
from tests.cli_world import Desk
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel
from tests.unit.sync.worker.test_worker import opened_line
from titip.delivery import SucceededEvent
from titip.errors import DestinationUnavailable
from titip.evidence import Evidence
from titip.health import Circuit

DATA = b"a supporter's statement"
GONE = "is its disk mounted"
DRIVE = '[mirror]\nkind = "drive"\n'


def at(path):
    return f'[mirror]\npath = "{path}"\n'


def after_a_copy(folder, mirror):
    """Sit where a copy was made on this mirror, by a process that ended."""
    desk = Desk.at(folder, mirror)
    upload = desk.hand_in(DATA)
    desk.end(upload, SucceededEvent("pair-1/copy.pdf", Evidence.DIGEST), to="mirror")
    return desk


def delivered(desk):
    mirror = mirror_of(desk.settings)
    assert mirror is not None
    return asyncio.run(mirror.deliver(a_parcel(DATA), MemoryContent(DATA), RecordingProgress()))


@pytest.fixture
def root(tmp_path):
    return tmp_path / "mirror"


@pytest.mark.parametrize("empty", [False, True])
def test_after_a_restart_nothing_is_made_in_the_place_of_a_mirror_that_is_gone(
    tmp_path, root, empty
):
    desk = after_a_copy(tmp_path, at(root))
    if empty:
        root.mkdir()

    with pytest.raises(DestinationUnavailable, match=GONE):
        delivered(desk)

    assert list(tmp_path.glob("mirror/*")) == []
    assert root.exists() is empty


async def test_it_is_the_mirror_s_trouble_and_parks_no_file(tmp_path, root):
    mirror = FolderMirror(FolderOptions(root))
    async with opened_line(tmp_path, WithTimeout(WithCopyCheck(mirror))) as line:
        for number in range(2):
            await line.house.hand_in(DATA)
            line.house.clock.forward(minutes=2)
            await line.turn()
            if not number:
                root.rename(tmp_path / "unmounted")

        assert await line.states() == {"delivered": 1, "deferred": 1}
        assert line.watch.health.circuit is Circuit.OPEN
        assert GONE in line.watch.health.reason
        assert not root.exists()


def test_check_and_probe_tell_that_it_is_gone(tmp_path, root):
    desk = after_a_copy(tmp_path, at(root))

    checked, probed = desk.run("check", "--json"), desk.run("probe", "mirror", "--json")

    assert checked.exit_code == probed.exit_code == 1
    assert GONE in checked.stdout
    assert not root.exists()


@pytest.mark.parametrize("before", [at("elsewhere"), DRIVE], ids=["another folder", "Drive"])
def test_a_mirror_that_was_another_one_begins_anew(tmp_path, root, before):
    after_a_copy(tmp_path, before.replace("elsewhere", str(tmp_path / "elsewhere")))
    desk = Desk.at(tmp_path, at(root))

    checked = desk.run("check", "--json")
    delivered(desk)

    assert GONE not in checked.stdout
    assert len(list(root.iterdir())) == 1


def test_a_mirror_that_is_there_goes_on(tmp_path, root):
    desk = after_a_copy(tmp_path, at(root))
    (root / "pair-1").mkdir(parents=True)

    delivered(desk)

    assert len(list(root.iterdir())) == 2

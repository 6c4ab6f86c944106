"""What a destination gives back is looked at before it counts as a delivery."""

from typing import TYPE_CHECKING, cast

import pytest
from structlog.testing import capture_logs

from sync import containment
from sync.containment import Contained
from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel
from titip import errors
from titip.delivery import REGISTRY
from titip.evidence import Evidence
from titip.ports.delivery import DeliveryResult

if TYPE_CHECKING:
    from titip.ports.delivery import Destination


class Answering:
    """A destination that answers what it is told to."""

    name = REGISTRY

    def __init__(self, answer):
        self._answer = answer

    async def deliver(self, parcel, content, progress):
        return self._answer


async def deliver_to(answer):
    inside = cast("Destination", Answering(answer))
    return await Contained(inside).deliver(a_parcel(), MemoryContent(b""), RecordingProgress())


@pytest.mark.parametrize(
    "answer",
    [
        "ref",
        None,
        DeliveryResult("x" * (containment.LONGEST_LOCATOR + 1), evidence=Evidence.DIGEST),
        DeliveryResult(cast("str", b"ref"), evidence=Evidence.DIGEST),
        DeliveryResult("ref", size=cast("int", "3"), evidence=Evidence.DIGEST),
        DeliveryResult("ref", sha256=cast("str", b""), evidence=Evidence.DIGEST),
        DeliveryResult("ref", md5=cast("str", 7), evidence=Evidence.DIGEST),
        DeliveryResult("ref", evidence=cast("Evidence", "digest")),
    ],
)
async def test_an_answer_that_makes_no_sense_is_no_delivery(answer):
    with pytest.raises(
        errors.OutcomeUnknown, match=f"an odd {type(answer).__name__} for"
    ) as raised:
        await deliver_to(answer)

    assert not raised.value.ill


async def test_a_locator_as_long_as_may_be_is_kept():
    longest = DeliveryResult("x" * containment.LONGEST_LOCATOR, 3, evidence=Evidence.DIGEST)

    assert await deliver_to(longest) is longest


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("NIK 51 is known", "NIK 51 is known"),
        ("", ""),
        ("x" * 5000, "x" * containment.LONGEST_REASON),
        ("SILON-\ud83d", "SILON-?"),
        (None, ""),
        (417, ""),
        (b"known", ""),
        (["known"], ""),
    ],
    ids=ascii,
)
@pytest.mark.parametrize(
    "kind", [errors.DeliveryRejected, errors.AttemptFailed, errors.DestinationUnavailable]
)
async def test_the_destinations_own_words_are_kept_where_they_are_a_text(kind, told, kept):
    class Raising:
        name = REGISTRY

        async def deliver(self, parcel, content, progress):
            raise kind("refused this file", detail=told)

    with pytest.raises(kind) as raised:
        await Contained(cast("Destination", Raising())).deliver(
            a_parcel(), MemoryContent(b""), RecordingProgress()
        )

    assert raised.value.detail == kept


async def test_a_probe_that_breaks_is_told_with_where_it_broke():
    class Breaking:
        name = REGISTRY

        async def probe(self):
            raise KeyError

    with capture_logs() as logged:
        assert await Contained(cast("Destination", Breaking())).probe() is False

    assert "probe" in str(logged[0]["where"])

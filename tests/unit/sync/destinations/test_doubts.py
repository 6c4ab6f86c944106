"""What is said of a file that the registry may have."""

from dataclasses import replace

import pytest

from sync.destinations.doubts import NOBODY_CAN_TELL, SEND_AGAIN, left_in_doubt, plainly
from tests.destination_fakes import a_parcel
from titip.errors import DeliveryRejected, DestinationUnavailable, OutcomeUnknown

TOLD = f"refused (422); to send it again: {SEND_AGAIN}"


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("", NOBODY_CAN_TELL),
        ("no answer came", f"no answer came; {NOBODY_CAN_TELL}"),
        (f"no answer came; {NOBODY_CAN_TELL}", f"no answer came; {NOBODY_CAN_TELL}"),
        (TOLD, TOLD),
    ],
)
def test_why_it_is_in_doubt_stays_the_reason_and_what_to_do_is_told_once(before, reason):
    parcel = a_parcel()
    row = replace(parcel.delivery, reason=before, detail="their words")

    said = left_in_doubt(replace(parcel, delivery=row))

    assert (said.reason, said.detail) == (reason, "their words")


def test_silence_is_plain_trouble_and_other_faults_stay_what_they_are():
    refused = DeliveryRejected("no")
    silence = plainly(OutcomeUnknown("no answer", detail="their words"))

    assert plainly(refused) is refused
    assert type(silence) is DestinationUnavailable
    assert (silence.reason, silence.detail) == ("no answer", "their words")

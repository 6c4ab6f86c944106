from datetime import timedelta

import pytest
from hypothesis import given

from tests.strategies import uploads
from titip import errors
from titip.upload import UploadExists

RAISED = [
    one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)
]


@pytest.mark.parametrize("error", RAISED)
def test_every_error_has_the_one_root(error):
    assert issubclass(error, errors.TitipError)


@pytest.mark.parametrize(
    "error",
    [
        errors.UploadMissing,
        errors.UploadGone,
        errors.UploadClosed,
        UploadExists,
        errors.OffsetConflict,
        errors.LengthExceeded,
        errors.StorageFull,
        errors.StorageBroken,
        errors.ContentDamaged,
    ],
)
def test_what_stands_against_taking_or_keeping_is_a_custody_error(error):
    assert issubclass(error, errors.CustodyError)
    assert not issubclass(error, errors.DeliveryFault)


def test_only_what_is_the_destinations_own_trouble_is_unavailable():
    feeding = {one for one in RAISED if issubclass(one, errors.DestinationUnavailable)}

    assert feeding == {errors.DestinationUnavailable, errors.OutcomeUnknown}


@pytest.mark.parametrize("fault", [errors.AttemptFailed, errors.DestinationUnavailable])
def test_a_fault_keeps_its_reason_and_what_the_destination_asked_for(fault):
    got = fault("answered 503", retry_after=timedelta(seconds=9))

    assert str(got) == got.reason == "answered 503"
    assert got.retry_after == timedelta(seconds=9)
    assert fault("answered 503").retry_after is None


def test_a_conflict_tells_the_committed_offset():
    got = errors.OffsetConflict(committed=512)

    assert got.committed == 512
    assert str(got) == "the committed offset is 512"


@given(uploads())
def test_a_second_beginning_is_told_of_the_first_and_says_nothing_of_it(upload):
    got = UploadExists(upload)

    assert got.upload is upload
    assert str(got) == "an upload was already begun under this key"

from datetime import timedelta
from itertools import product

from hypothesis import given

from tests.strategies import EPOCH, names, uploads, waits
from titip.delivery import DESTINATIONS, MIRROR, REGISTRY, DeliveryState
from titip.policies.delivery_plan import RequiredDelivery, deliveries_of, delivery_id
from titip.upload import UploadState


@given(uploads(states=[UploadState.SEALED]), waits())
def test_a_sealed_upload_is_owed_to_every_destination_when_it_is_due_there(upload, after):
    owed = (RequiredDelivery(REGISTRY, timedelta(0)), RequiredDelivery(MIRROR, after))

    registry, mirror = deliveries_of(upload, owed, now=EPOCH)

    assert (registry.destination, registry.due_at) == (REGISTRY, EPOCH)
    assert (mirror.destination, mirror.due_at) == (MIRROR, EPOCH + after)
    for row in (registry, mirror):
        assert row.id == delivery_id(upload.id, row.destination)
        assert (row.upload, row.submitter) == (upload.id, upload.submitter)
        assert (row.state, row.attempts, row.queued_at) == (DeliveryState.QUEUED, 0, EPOCH)


@given(uploads(states=[UploadState.SEALED]))
def test_nothing_is_owed_where_there_is_no_destination(upload):
    assert deliveries_of(upload, [], now=EPOCH) == ()


@given(names(), names())
def test_no_two_deliveries_share_a_name(one, other):
    owing = {(upload, to) for upload, to in product((one, other), DESTINATIONS)}

    assert len({delivery_id(upload, to) for upload, to in owing}) == len(owing)

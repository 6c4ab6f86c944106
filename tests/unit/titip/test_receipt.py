from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import EPOCH, deliveries, uploads
from titip.delivery import MIRROR, REGISTRY, Delivery, DeliveryId, DeliveryState
from titip.evidence import Evidence
from titip.metadata import filename, render
from titip.receipt import DeliveryRecord, Receipt, receipt
from titip.upload import Upload, UploadId, UploadState

SEALED_AT = EPOCH + timedelta(minutes=9)
SEALED = Upload(
    id=UploadId("u"),
    submitter="pair-7",
    length=4,
    created_at=EPOCH,
    offset=4,
    metadata=render({"filename": b"b1.pdf"}),
    state=UploadState.SEALED,
    ended_at=SEALED_AT,
    sha256="ab" * 32,
)


def test_a_receipt_says_what_was_handed_in_by_whom_when_and_where_it_went():
    registry = Delivery(DeliveryId("r"), SEALED.id, REGISTRY, "pair-7", EPOCH, EPOCH)
    mirror = replace(
        registry,
        id=DeliveryId("m"),
        destination=MIRROR,
        state=DeliveryState.DELIVERED,
        locator="file-1",
        ended_at=SEALED_AT,
        evidence=Evidence.DIGEST,
    )

    got = receipt(SEALED, [registry, mirror])

    assert got == Receipt(
        upload=SEALED.id,
        submitter="pair-7",
        filename="b1.pdf",
        length=4,
        sha256="ab" * 32,
        begun_at=EPOCH,
        sealed_at=SEALED_AT,
        deliveries=(
            DeliveryRecord(MIRROR, DeliveryState.DELIVERED, "file-1", SEALED_AT, Evidence.DIGEST),
            DeliveryRecord(REGISTRY, DeliveryState.QUEUED, "", None, Evidence.NONE),
        ),
    )


@given(uploads(states=[state for state in UploadState if state is not UploadState.SEALED]))
def test_there_is_no_receipt_for_what_was_not_sealed(upload):
    assert receipt(upload, []) is None


def test_there_is_no_receipt_without_the_moment_of_the_seal():
    assert receipt(replace(SEALED, ended_at=None), []) is None


@given(uploads(states=[UploadState.SEALED]), st.lists(deliveries(), max_size=4))
def test_a_receipt_adds_nothing_of_its_own(upload, rows):
    got = receipt(upload, rows)

    assert got is not None
    assert (got.length, got.sha256, got.sealed_at) == (
        upload.length,
        upload.sha256,
        upload.ended_at,
    )
    assert got.filename == filename(upload.metadata)
    assert [one.destination for one in got.deliveries] == sorted(row.destination for row in rows)
    assert {(one.state, one.locator, one.ended_at) for one in got.deliveries} == {
        (row.state, row.locator, row.ended_at) for row in rows
    }


@given(rows=st.permutations([REGISTRY, MIRROR]))
def test_the_order_of_the_rows_does_not_show(rows):
    blank = Delivery(DeliveryId("d"), SEALED.id, "", "pair-7", EPOCH, EPOCH)

    got = receipt(SEALED, iter([replace(blank, destination=name) for name in rows]))

    assert got is not None
    assert [one.destination for one in got.deliveries] == [MIRROR, REGISTRY]


@pytest.mark.parametrize("secret", ["checkpoint", "reason", "attempts", "metadata"])
def test_a_receipt_shows_none_of_the_inner_workings(secret):
    shown = {field.name for kind in (Receipt, DeliveryRecord) for field in fields(kind)}

    assert secret not in shown

"""The answers that docs/protocol.md shows have the fields that answers have."""

import json
import re
from pathlib import Path

import pytest

from tests.strategies import EPOCH
from titip import json_views
from titip.clock import ClockState
from titip.delivery import MIRROR, REGISTRY, Delivery, DeliveryId, DeliveryState
from titip.evidence import Evidence
from titip.health import Health
from titip.ports.operations import DestinationStatus, Totals
from titip.ports.storage import DiskSpace
from titip.receipt import receipt
from titip.upload import Upload, UploadId, UploadState

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
ID = UploadId("d81319bcad6137f1aaf53690f66b3854")
UPLOAD = Upload(
    ID, "Pair 1", 3, EPOCH, 3, state=UploadState.SEALED, ended_at=EPOCH, sha256="0" * 64
)


def a_delivery(to):
    return Delivery(
        DeliveryId(f"{ID}.{to}"),
        ID,
        to,
        "Pair 1",
        EPOCH,
        EPOCH,
        state=DeliveryState.DELIVERED,
        evidence=Evidence.DIGEST,
    )


DELIVERIES = [a_delivery(MIRROR), a_delivery(REGISTRY)]
TOTALS = Totals(
    uploads={},
    sealed_bytes=0,
    open_bytes=0,
    destinations=[
        DestinationStatus(REGISTRY, paused=False, health=None),
        DestinationStatus(MIRROR, paused=False, health=Health(EPOCH)),
    ],
)
PROOF = receipt(UPLOAD, DELIVERIES)
assert PROOF is not None
ANSWERS = {
    "`GET /api/status`": json_views.status_json(
        TOTALS,
        DiskSpace(free=0, promised=0),
        version="1",
        now=EPOCH,
        clock=ClockState(),
    ),
    "`GET /api/uploads/{id}/receipt`": json_views.receipt_json(PROOF),
    "One of `GET /api/deliveries`": json_views.delivery_json(DELIVERIES[0], for_operator=True),
}


def shape(value, name=""):
    """Give the names in a value, of its parts too; what is counted by name has names of its own."""
    if isinstance(value, dict) and name not in {"uploads", "counts"}:
        return {key: shape(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return None


@pytest.mark.parametrize("which", ANSWERS)
def test_a_sample_has_the_fields_of_the_answer(which):
    found = re.search(rf"^{re.escape(which)}.*?```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    assert shape(json.loads(found[1])) == shape(ANSWERS[which])

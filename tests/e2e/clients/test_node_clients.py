"""tus-js-client in Node hands files in over a line that is cut, in every way of speaking it has."""

import pytest

from tests.e2e.clients.fixtures import AT_MOST, MATRIX, NODE, SIZE, as_json, needs_node, output_of

pytestmark = [*MATRIX, needs_node]


@pytest.mark.holds("titip:client-tus-js-node")
@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("file", {}),
        ("file", {"chunkSize": SIZE // 2}),
        ("file", {"chunkSize": 1 << 20, "uploadDataDuringCreation": True}),
        ("file", {"overridePatchMethod": True}),
        ("stdin", {"chunkSize": 1 << 20, "uploadLengthDeferred": True}),
        ("buffer", {"protocol": "ietf-draft-05"}),
    ],
    ids=["whole", "chunks", "creation-with-upload", "post-for-patch", "defer-length", "draft"],
)
async def test_tus_js_client_goes_on_where_the_line_was_cut(trial, source, options):
    trial.cut()

    location = await _hand_in(trial, source, **options)

    await trial.expect_sealed(location)


@pytest.mark.holds("titip:client-tus-js-node")
async def test_tus_js_client_hands_in_parts_that_are_joined(trial):
    trial.cut(AT_MOST / 2)

    location = await _hand_in(trial, "file", parallelUploads=3)

    await trial.expect_sealed(location, struck=3)


async def _hand_in(trial, source, **options):
    told = as_json(endpoint=trial.endpoint, headers=trial.headers, **options)
    args = (str(NODE / "upload.mjs"), source, str(trial.paper), told)
    with trial.paper.open("rb") as stream:
        return (await output_of("node", *args, stdin=stream)).strip()

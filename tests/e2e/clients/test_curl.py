"""curl hands files in over a line that is cut: over tus, over the draft, and plainly."""

import base64
import hashlib
import json
import re

import pytest

from tests.e2e.clients.fixtures import MATRIX, SIZE, needs_curl, output_of
from tests.fault_proxy import CutAfter

pytestmark = [*MATRIX, needs_curl]

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
DRAFT = {"Upload-Draft-Interop-Version": "8"}
ENDS = {"Upload-Complete": "?1"}


@pytest.mark.holds("titip:client-curl")
async def test_curl_goes_on_where_the_line_was_cut(trial, tmp_path):
    created = await _curl(trial, "--data-binary", "", trial.endpoint, **_creation(trial))
    location = _header("Location", created)
    trial.cut()

    for _ in range(3):
        asked = await _curl(trial, "--head", location, **TUS)
        offset = int(_header("Upload-Offset", asked))
        await _append(trial, tmp_path, location, offset, **TUS, **BYTES)

    await trial.expect_sealed(location)


@pytest.mark.holds("titip:client-curl")
async def test_curl_finds_by_its_key_the_creation_whose_answer_was_cut_off(trial, tmp_path):
    trial.line.plan(CutAfter(count=SIZE // 2))
    named = {**_creation(trial), "Idempotency-Key": '"surat-1"'}
    body = ("--data-binary", f"@{trial.paper}")
    await _curl(trial, *body, trial.endpoint, check=False, **BYTES, **named)

    answer = await _curl(trial, "--data-binary", "", trial.endpoint, **named)
    location = _header("Location", answer)
    asked = await _curl(trial, "--head", location, **TUS)
    offset = int(_header("Upload-Offset", asked))
    await _append(trial, tmp_path, location, offset, **TUS, **BYTES)

    await trial.expect_sealed(location, struck=1)


@pytest.mark.holds("titip:client-curl")
async def test_curl_that_knows_nothing_of_tus_hands_in_a_whole_file(trial):
    trial.line.plan(CutAfter(count=SIZE // 2))

    answer = await _curl(
        trial,
        *("--retry", "3", "--retry-all-errors", "--retry-delay", "0"),
        *("--upload-file", str(trial.paper), trial.endpoint),
    )

    assert "201 Created" in answer
    receipt = json.loads(answer[answer.rindex("\r\n\r\n") :])
    assert receipt["sha256"] == hashlib.sha256(trial.paper.read_bytes()).hexdigest()
    await trial.expect_sealed(_header("Location", answer), struck=1, most=1.6)


@pytest.mark.holds("titip:client-curl", "titip:client-104")
async def test_curl_goes_on_from_the_address_that_a_104_told_it(trial, tmp_path):
    trial.line.plan(CutAfter(count=SIZE // 2))
    named = {"Content-Disposition": f'attachment; filename="{trial.paper.name}"'}
    body = ("--data-binary", f"@{trial.paper}")
    begun = await _curl(trial, *body, trial.endpoint, check=False, **DRAFT, **ENDS, **named)

    assert "HTTP/1.1 104" in begun
    location = _header("Location", begun)
    asked = await _curl(trial, "--head", location, **DRAFT)
    offset = int(_header("Upload-Offset", asked))
    part = {"Content-Type": "application/partial-upload"}
    await _append(trial, tmp_path, location, offset, **DRAFT, **ENDS, **part)

    await trial.expect_sealed(location, struck=1)


async def test_a_sealed_file_comes_back_to_its_owner_whole(trial, tmp_path):
    answer = await _curl(
        trial,
        *("--data-binary", f"@{trial.paper}", trial.endpoint),
        **{**_creation(trial), **BYTES},
    )
    location = _header("Location", answer)

    back = tmp_path / "back"
    await _curl(trial, "--output", str(back), location)

    assert back.read_bytes() == trial.paper.read_bytes()


def _creation(trial):
    name = base64.b64encode(trial.paper.name.encode()).decode()
    return {**TUS, "Upload-Length": str(SIZE), "Upload-Metadata": f"filename {name}"}


async def _append(trial, tmp_path, location, offset, **headers):
    """Send the rest of the file; the line may be cut."""
    rest = tmp_path / "rest"
    rest.write_bytes(trial.paper.read_bytes()[offset:])
    body = ("--request", "PATCH", "--data-binary", f"@{rest}")
    sent = {**headers, "Upload-Offset": str(offset)}
    await _curl(trial, *body, location, check=False, **sent)


async def _curl(trial, *args, check=True, **headers):
    sent = {**trial.headers, **headers}
    told = [part for name, text in sent.items() for part in ("--header", f"{name}: {text}")]
    always = ("--silent", "--show-error", "--fail-with-body", "--dump-header", "-")
    return await output_of("curl", *always, *told, *args, check=check)


def _header(name, answer):
    found = re.findall(rf"^{name}: (\S+)", answer, re.MULTILINE)
    assert found, answer
    return found[-1]

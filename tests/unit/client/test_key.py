from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from client.metadata import upload_key
from client.plan import Item

ITEM = Item(Path("/home/lo/berkas/01/ktp.pdf"), "01/ktp.pdf", 5, 7)
SHA256 = "ab" * 32


def test_the_key_of_a_file_never_changes():
    key = upload_key(ITEM, SHA256)

    assert key == "AGLTl1xtMDEQCtUm3gKU1c6fWhP6YF0ZlSwq32zfcgQ"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", key)


@pytest.mark.parametrize(
    "same",
    [replace(ITEM, path=Path("D:/01/ktp.pdf")), replace(ITEM, mtime_ns=8)],
)
def test_a_copy_on_another_device_has_the_same_key(same):
    assert upload_key(same, SHA256) == upload_key(ITEM, SHA256)


@pytest.mark.parametrize(
    "other",
    [
        upload_key(replace(ITEM, relative="02/ktp.pdf"), SHA256),
        upload_key(replace(ITEM, relative="01/ktp.pdf\udcff"), SHA256),
        upload_key(replace(ITEM, size=6), SHA256),
        upload_key(ITEM, "cd" * 32),
        upload_key(ITEM, SHA256, nonce="once more"),
    ],
)
def test_another_file_or_nonce_has_another_key(other):
    assert other != upload_key(ITEM, SHA256)

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.bundle import Thresholds
from homefield.bundle.manifest import read_manifest, write_manifest

from .conftest import manifest

WRITTEN = write_manifest(
    manifest(
        temperature=1.25,
        thresholds=Thresholds((0.5, 0.25), {"risk": 0.02, "threshold": None}, 0.99),
        files={"card.md": {"sha256": "0" * 64, "bytes": 6}},
    )
)


def test_what_is_written_is_read() -> None:
    found = read_manifest(WRITTEN)
    assert found.labels == ("退款", "card")
    assert found.thresholds == Thresholds((0.5, 0.25), {"risk": 0.02, "threshold": None}, 0.99)
    assert write_manifest(found) == WRITTEN


def test_it_is_plain_json_that_a_person_can_read() -> None:
    assert json.loads(WRITTEN)["labels"] == ["退款", "card"]
    assert "退款" in WRITTEN.decode()


@given(place=st.integers(0, len(WRITTEN) - 1), byte=st.integers(0, 255))
def test_any_changed_byte_is_found(place: int, byte: int) -> None:
    changed = bytearray(WRITTEN)
    changed[place] = byte
    if bytes(changed) == WRITTEN:
        return
    with pytest.raises(ValueError, match=r"manifest|seal|precision|outside"):
        read_manifest(bytes(changed))


@given(length=st.integers(0, len(WRITTEN) - 1))
def test_a_cut_manifest_is_found(length: int) -> None:
    with pytest.raises(ValueError, match=r"manifest|seal"):
        read_manifest(WRITTEN[:length])


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "C:/x", "a\\..\\b", ""])
def test_a_file_outside_the_folder_is_refused_even_when_sealed(name: str) -> None:
    sealed = write_manifest(manifest(files={name: {"sha256": "0" * 64, "bytes": 1}}))
    with pytest.raises(ValueError, match="outside the folder"):
        read_manifest(sealed)


def test_the_title_says_version_or_content() -> None:
    assert manifest().title == "shop@3"
    loose = manifest(version=None)
    assert loose.title == f"shop#{loose.seal[:12]}"
    assert loose.seal != manifest(version=None, temperature=2.0).seal

"""A model folder without networks: what the format guards does not depend on what the files hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homefield.bundle import Bundle, BundleManifest, Cleaning, Parts, frozen_name, new_bundle, open_bundle

FROZEN = b"frozen part"


def manifest(**changes: Any) -> BundleManifest:
    values: dict[str, Any] = {
        "name": "shop",
        "version": 3,
        "created": "2026-01-01T00:00:00+00:00",
        "program": "0.1.0",
        "task": "classify",
        "output": "category",
        "metric": "accuracy",
        "labels": ("退款", "card"),
        "languages": {"zh": 5, "en": 7},
        "backbone": {"name": "small"},
        "how": "top:1",
        "frozen_to": 2,
        "max_length": 32,
        "pad_id": 0,
        "width": 4,
        "cleaning": Cleaning(("email",), 1000),
        "parts": {"int8": Parts(f"int8/{frozen_name(FROZEN)}", "int8/head.onnx")},
    }
    return BundleManifest(**{**values, **changes})


@pytest.fixture
def make_bundle(tmp_path: Path) -> Callable[..., Bundle]:
    def make(folder: Path | None = None, **changes: Any) -> Bundle:
        path = folder or tmp_path / "model"
        with new_bundle(path) as draft:
            (draft.folder / "int8").mkdir()
            (draft.folder / "int8" / frozen_name(FROZEN)).write_bytes(FROZEN)
            (draft.folder / "int8" / "head.onnx").write_bytes(b"head part")
            (draft.folder / "card.md").write_text("# card", encoding="utf-8")
            draft.manifest = manifest(**changes)
        return open_bundle(path)

    return make

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homefield.bundle import Bundle, new_bundle, open_bundle
from homefield.errors import CallError, MachineError, Tampered
from homefield.messages import Language

from .conftest import FROZEN, manifest

Make = Callable[..., Bundle]


def refusal(path: Path) -> Tampered:
    with pytest.raises(Tampered) as caught:
        open_bundle(path)
    return caught.value


def test_a_made_model_opens(make_bundle: Make) -> None:
    bundle = make_bundle()
    assert bundle.manifest.title == "shop@3"
    assert set(bundle.manifest.files) == {"card.md", "int8/head.onnx", bundle.parts("int8").frozen}
    assert len(bundle.evidence_vectors()) == len(bundle.evidence_rows()) == 0
    assert bundle.unknown() == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_refused_naming_the_file(make_bundle: Make, data: st.DataObject) -> None:
    bundle = _once(make_bundle)
    names = [*bundle.manifest.files, "manifest.json"]
    file = bundle.path / data.draw(st.sampled_from(names))
    before = file.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    file.write_bytes(before[:place] + bytes([before[place] ^ data.draw(st.integers(1, 255))]) + before[place + 1 :])
    try:
        error = refusal(bundle.path)
    finally:
        file.write_bytes(before)
    assert error.values["file"] == file
    assert error.exit_code == 1


_made: dict[int, Bundle] = {}


def _once(make_bundle: Make) -> Bundle:
    """One model for all examples: the fixture lives as long as the test."""
    key = id(make_bundle)
    if key not in _made:
        _made.clear()
        _made[key] = make_bundle()
    return _made[key]


def test_a_byte_more_or_less_is_refused(make_bundle: Make, language: Language) -> None:
    file = make_bundle().path / "int8" / "head.onnx"
    before = file.read_bytes()
    for content in (before + b"\0", before[:-1], b""):
        file.write_bytes(content)
        error = refusal(file.parents[1])
        assert error.code == "bundle.file_changed"
        assert str(file) in error.what(language)
        assert "SHA-256" in error.what(language)
        assert {"en": "Do not use", "zh": "请勿使用"}[language] in error.next_step(language)


def test_a_missing_file_is_refused(make_bundle: Make) -> None:
    bundle = make_bundle()
    (bundle.path / "card.md").unlink()
    assert refusal(bundle.path).code == "bundle.file_missing"


@pytest.mark.parametrize("name", ["more.txt", "int8/other.onnx", ".hidden", "new/folder/file"])
def test_an_added_file_is_refused(make_bundle: Make, name: str) -> None:
    file = make_bundle().path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    error = refusal(file.parents[len(Path(name).parts) - 1])
    assert error.code == "bundle.file_added"
    assert error.values["file"] == file


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_in_place_of_a_file_is_refused(make_bundle: Make, tmp_path: Path) -> None:
    file = make_bundle().path / "card.md"
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert refusal(file.parent).code == "bundle.file_changed"


def test_a_frozen_part_under_a_name_that_is_not_its_contents_is_refused(tmp_path: Path) -> None:
    name = "int8/frozen-0123456789abcdef.onnx"
    with new_bundle(tmp_path / "model") as draft:
        (draft.folder / "int8").mkdir()
        (draft.folder / name).write_bytes(FROZEN)
        (draft.folder / "int8" / "head.onnx").write_bytes(b"head")
        draft.manifest = manifest(parts={"int8": {"frozen": name, "head": "int8/head.onnx"}})
    assert refusal(tmp_path / "model").code == "bundle.file_renamed"


def test_nothing_is_left_when_making_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with new_bundle(tmp_path / "model") as draft:
            (draft.folder / "card.md").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def make() -> None:
        with new_bundle(tmp_path / "model") as draft:
            monkeypatch.setattr(Path, "write_bytes", full)
            draft.write_unknown({"matrix": np.zeros((2, 2), dtype=np.float32)})

    with pytest.raises(MachineError) as caught:
        make()
    assert caught.value.code == "files.disk_full"
    assert str(tmp_path / "model") in caught.value.what(language)
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_never_written_over(make_bundle: Make) -> None:
    path = make_bundle().path
    with pytest.raises(CallError) as caught:
        make_bundle(path)
    assert caught.value.code == "files.exists"


def test_other_folders_are_told_apart(make_bundle: Make, tmp_path: Path, language: Language) -> None:
    bundle = make_bundle()
    codes = []
    for name, file, content in (
        ("none", "readme.txt", "x"),
        ("run", "run.json", "{}"),
        ("dataset", "manifest.json", '{"format": 1, "splits": {}}'),
        ("newer", "manifest.json", json.dumps({**bundle.manifest.as_json(), "format": 99})),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(content, encoding="utf-8")
        with pytest.raises(CallError) as caught:
            open_bundle(tmp_path / name)
        codes.append(caught.value.code)
        assert str(tmp_path / name) in caught.value.what(language)
    assert codes == ["bundle.missing", "bundle.is_run", "bundle.is_dataset", "bundle.newer"]


def test_an_unreadable_manifest_is_refused(make_bundle: Make) -> None:
    file = make_bundle().path / "manifest.json"
    for content in (b"", b"{", b"\xff\xfe", b"[]", b"null", b"{}"):
        file.write_bytes(content)
        assert refusal(file.parent).code == "bundle.manifest_changed"


def test_a_precision_it_does_not_have_is_refused(make_bundle: Make) -> None:
    with pytest.raises(CallError, match="no precision fp32; it has int8"):
        make_bundle().parts("fp32")

"""A model becomes a smaller one, end to end, with both beside each other on the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest

import homefield
from homefield.bundle import open_bundle
from homefield.cli.commands.compress import describe
from homefield.cli.face import Face
from homefield.errors import CallError
from homefield.evaluate.significance import Difference
from homefield.messages import LANGUAGES
from homefield.ship.compress import Compressed, Measured
from homefield.workspace import Workspace

from .models import Made

QUIET = {"estimate": False, "precision": "fp32", "baseline": False, "report": False}


def test_pruning_a_run_keeps_what_it_knows_in_less(cut: Made, tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    made = homefield.compress(cut.run.path, tmp_path / "small", prune=0.5, workspace=space, epochs=2, **QUIET)
    assert made.after.parameters < made.before.parameters
    assert made.after.bytes["int8"] < made.before.bytes["int8"]
    assert made.before.value is not None
    assert made.after.value is not None
    assert made.after.value > made.before.value - 0.1
    assert made.difference is not None
    assert made.difference.mean == pytest.approx(made.after.value - made.before.value, abs=1e-6)
    assert made.after.milliseconds > 0
    manifest = open_bundle(tmp_path / "small").manifest
    assert manifest.parity["int8"]
    assert "teacher" not in manifest.run["recipe"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small", "space"]


def test_distilling_a_model_into_a_fresh_backbone_with_further_texts(number: Made, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("text\nthe card is lost again\nloan was refused today\n", encoding="utf-8")
    space, data = Workspace(tmp_path / "space"), number.dataset.path
    made = homefield.compress(
        number.bundle.path, tmp_path / "small", distil="cnn-text", data=data, unlabelled=tmp_path / "more.csv",
        workspace=space, epochs=3, **QUIET,
    )  # fmt: skip
    assert made.bundle.manifest.backbone["name"] == "cnn-text"
    assert made.after.metric == "r2"
    assert made.after.value is not None
    assert made.after.value > 0.5


def test_pruning_a_model_that_gives_vectors_keeps_what_it_finds(matching: Made, tmp_path: Path) -> None:
    made = homefield.compress(
        matching.bundle.path, tmp_path / "small", prune=0.5, data=matching.dataset.path,
        workspace=Workspace(tmp_path / "space"), epochs=2, **QUIET,
    )  # fmt: skip
    assert made.after.parameters < made.before.parameters
    assert made.after.metric == "mrr"
    assert made.before.value is not None
    assert made.after.value is not None
    assert made.after.value > made.before.value - 0.1
    assert made.difference is not None
    assert made.difference.mean == pytest.approx(made.after.value - made.before.value, abs=1e-6)
    assert made.bundle.manifest.parity["int8"]["metric"] == "mrr"
    assert made.bundle.manifest.thresholds.risk is not None  # as was bought for the model given


def test_distilling_vectors_into_a_backbone_of_another_width(partners: Made, tmp_path: Path) -> None:
    made = homefield.compress(
        partners.run.path, tmp_path / "small", distil="cnn-text", workspace=Workspace(tmp_path / "space"), epochs=4,
        **QUIET,
    )  # fmt: skip
    assert made.bundle.manifest.width != partners.bundle.manifest.width
    assert made.after.value is not None
    assert made.after.value > 0.5
    assert homefield.load(tmp_path / "small").encode(["my card was stolen"]).shape == (1, made.bundle.manifest.width)


def test_what_cannot_be_compressed_says_why(cut: Made, matching: Made, tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    for code, call in (
        ("ship.needs_data", {"model": cut.bundle.path, "prune": 0.5}),
        ("ship.other_dataset", {"model": cut.bundle.path, "prune": 0.5, "data": matching.dataset.path}),
        ("ship.bad_share", {"model": cut.run.path, "prune": 1.5}),
        ("cli.either_distil_or_prune", {"model": cut.run.path}),
        ("files.exists", {"model": cut.run.path, "prune": 0.5, "out": cut.run.path}),
    ):
        with pytest.raises(CallError) as caught:
            homefield.compress(call.pop("model"), call.pop("out", tmp_path / "small"), workspace=space, **call)
        assert caught.value.code == code
        for language in LANGUAGES:
            assert caught.value.what(language)
            assert caught.value.next_step(language)
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize(("low", "high", "told"), [(-0.05, -0.01, True), (-0.05, 0.01, False), (0.01, 0.03, False)])
def test_a_model_that_is_clearly_worse_is_warned_of(
    cut: Made, tmp_path: Path, low: float, high: float, told: bool
) -> None:
    sizes = {"fp32": 4_000_000, "int8": 1_000_000}
    given, small = (Measured(name, sizes, 10**6, 1.25, 800.0, "accuracy", 0.9, 500) for name in ("given", "small"))
    difference = Difference((low + high) / 2, low, high, 0.01, "bootstrap")
    shown = describe(Compressed(cut.bundle, given, small, difference, 3.0), Face("en", workspace_given=tmp_path))
    assert any("clearly worse, by more than chance" in note for note in shown.notes) is told
    assert f"{100 * low:+.1f}" in " ".join(value for _, value in shown.facts)

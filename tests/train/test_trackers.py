from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from homefield.train.faults import RecipeFaults
from homefield.train.finetune import finetune
from homefield.train.recipe import load_recipe
from homefield.train.trackers import installed, open_tracker
from homefield.workspace import Workspace


def test_tensorboard_gets_the_numbers_of_a_run(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path
) -> None:
    if not installed("tensorboard"):
        pytest.skip("tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    keys = {"data": str(make_dataset(60)), "backbone": "bigru", "epochs": 2, "batch": 12, "log_every": 1}
    recipe = load_recipe(None, {**keys, "trackers": "tensorboard", "estimate": False, "baseline": False})
    run = finetune(recipe, tmp_path / "run", workspace=workspace)
    written = EventAccumulator(str(run.path / "tensorboard"))
    written.Reload()
    assert [point.step for point in written.Scalars("step/loss")] == [1, 2, 3, 4, 5, 6]
    assert [point.step for point in written.Scalars("evaluation/accuracy")] == [3, 6]


class Recorder(ModuleType):
    """A stand-in for a tracker's package that notes every call."""

    def __init__(self, name: str, calls: list[tuple[str, tuple[Any, ...], Mapping[str, Any]]]) -> None:
        super().__init__(name)
        self.calls = calls

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **keys: Any) -> Recorder:
            self.calls.append((name, args, keys))
            return self

        return call


@pytest.mark.parametrize("name", ["wandb", "mlflow", "visdom"])
def test_every_tracker_keeps_the_same_contract(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, tuple[Any, ...], Mapping[str, Any]]] = []
    monkeypatch.setitem(sys.modules, name, Recorder(name, calls))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for variable in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    tracker = open_tracker(name, tmp_path / "run", {"epochs": 3})
    tracker.numbers(4, {"step/loss": 0.5, "step/padding": 0.1})
    tracker.close()
    said = repr(calls)
    assert "step/loss" in said
    assert "0.5" in said
    assert "4" in said
    if name == "wandb":
        assert calls[0][2]["mode"] == "offline"
    if name == "mlflow":
        assert calls[0][1][0].startswith("file:")


@pytest.mark.parametrize(("name", "written"), [("wandb", "*.wandb"), ("mlflow", "loss")])
def test_where_it_is_installed_it_writes_into_the_runs_folder(
    name: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not installed(name):
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for variable in ("WANDB_MODE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    tracker = open_tracker(name, tmp_path, {"epochs": 3, "trackers": (name,)})
    tracker.numbers(1, {"step/loss": 0.5})
    tracker.close()
    assert list(tmp_path.rglob(written))


def test_a_tracker_that_is_not_installed_is_a_fault_that_says_what_to_install(
    make_dataset: Callable[..., Path], workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homefield.train.check.installed", lambda name: name != "visdom")
    recipe = load_recipe(None, {"data": str(make_dataset(60)), "backbone": "bigru", "trackers": "tensorboard,visdom"})
    with pytest.raises(RecipeFaults, match=r"pip install 'homefield\[visdom\]'"):
        finetune(recipe, tmp_path / "run", workspace=workspace)

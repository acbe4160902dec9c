"""A run that was killed goes on to the weights of one that was not; what may not be resumed is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homefield.errors import Interrupted
from homefield.events import Event
from homefield.train.faults import RecipeFaults
from homefield.train.finetune import finetune
from homefield.train.recipe import load_recipe
from homefield.train.run import open_run
from homefield.workspace import Workspace

DRIVER = Path(__file__).with_name("driver.py")
# A tiny network, dropout for random numbers, averages and momentum for state, a checkpoint after each step.
KEYS = {
    "backbone": "bigru",
    "precision": "fp32",
    "epochs": 3,
    "batch": 12,
    "dropout": 0.1,
    "average": 0.9,
    "log_every": 2,
    "checkpoint_minutes": 0,
    "estimate": False,
    "baseline": False,
    "report": False,
}
TIMED = ("samples_per_second", "tokens_per_second")


def command(data: Path, out: Path, workspace: Workspace, *more: str) -> list[str]:
    keys = [f"{key}={value}" for key, value in KEYS.items()]
    return [sys.executable, str(DRIVER), str(data), str(out), str(workspace.root), *keys, *more]


def lines(out: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMED} for line in found]


def weights(out: Path) -> bytes:
    return (out / "weights" / "network.safetensors").read_bytes()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and not condition():
        time.sleep(0.002)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Workspace]:
    """A dataset, a run that nothing disturbed, and their workspace."""
    from .conftest import rows_of, write_dataset

    root = tmp_path_factory.mktemp("whole")
    texts, labels = zip(*rows_of(100), strict=True)
    data, workspace = write_dataset(root / "dataset", texts, labels), Workspace(root / "workspace")
    subprocess.run(command(data, root / "run", workspace), check=True, timeout=240)
    return data, root / "run", workspace


@pytest.mark.parametrize("moment", [0, 1, 2])
def test_killed_at_any_moment_a_run_goes_on_to_the_same_weights(
    moment: int, whole: tuple[Path, Path, Workspace], tmp_path: Path
) -> None:
    data, undisturbed, workspace = whole
    out = tmp_path / "run"
    process = subprocess.Popen(command(data, out, workspace))
    first = ["checkpoints", "checkpoints/step-00000004", "checkpoints/step-00000009"][moment]
    wait_for((out / first).exists, process)
    # Some way into what comes next: the middle of a step, of a checkpoint, of an evaluation.
    time.sleep([0.004, 0.021, 0.033][moment])
    process.kill()
    process.wait()
    subprocess.run(command(data, out, workspace, "--resume"), check=True, timeout=240)
    assert weights(out) == weights(undisturbed)
    assert lines(out) == lines(undisturbed)
    assert open_run(out).metrics == open_run(undisturbed).metrics


def test_asked_to_stop_it_makes_a_checkpoint_and_says_how_to_go_on(
    whole: tuple[Path, Path, Workspace], tmp_path: Path
) -> None:
    data, undisturbed, workspace = whole
    out = tmp_path / "run"
    process = subprocess.Popen(command(data, out, workspace), stderr=subprocess.PIPE)
    wait_for((out / "checkpoints" / "step-00000003").exists, process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"train.interrupted\n" in said
    assert f"--out {out} --resume".encode() in said
    assert open_run(out).status == "interrupted"
    subprocess.run(command(data, out, workspace, "--resume"), check=True, timeout=240)
    assert weights(out) == weights(undisturbed)
    assert lines(out) == lines(undisturbed)


def stopped(data: Path, out: Path, workspace: Workspace, after: int) -> None:
    """Run until `after` steps are made, then Ctrl-C, all in this process."""

    def press(event: Event) -> None:
        if event.kind == "advance" and event.key == "train.stage_learn" and event.done == after:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match=f"after step {after + 1} "):
        # Every step is told here, since a step takes longer than the pause between two events.
        finetune(load_recipe(None, {**KEYS, "data": str(data)}), out, workspace=workspace, listen=press)


def test_ctrl_c_lets_the_step_end(
    whole: tuple[Path, Path, Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homefield.train.progress._BETWEEN_EVENTS", 0.0)
    data, _, workspace = whole
    stopped(data, tmp_path / "run", workspace, 2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    found = json.loads((tmp_path / "run" / "checkpoints" / "step-00000003" / "state.json").read_text())
    assert found["step"] == 3


def test_a_changed_recipe_or_dataset_is_refused(
    whole: tuple[Path, Path, Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from .conftest import rows_of, write_dataset

    monkeypatch.setattr("homefield.train.progress._BETWEEN_EVENTS", 0.0)
    data, undisturbed, workspace = whole
    out = tmp_path / "run"
    stopped(data, out, workspace, 1)
    changed = load_recipe(None, {"epochs": 9, "seed": 4, "learning_rate": "auto", "trackers": ""})
    with pytest.raises(RecipeFaults) as raised:
        finetune(changed, out, workspace=workspace, resume=True)
    said = raised.value.what("en")
    assert "epochs: the run was started with 3; got 9" in said
    assert "seed: the run was started with 0; got 4" in said
    assert len(raised.value.faults) == 2
    texts, labels = zip(*rows_of(60, seed=3), strict=True)
    other = load_recipe(None, {"data": str(write_dataset(tmp_path / "other", texts, labels))})
    with pytest.raises(RecipeFaults, match="data: the run was started with"):
        finetune(other, out, workspace=workspace, resume=True)
    finetune(load_recipe(None, {"log_every": 2, "checkpoint_minutes": 5}), out, workspace=workspace, resume=True)
    assert weights(out) == weights(undisturbed)


def test_a_finished_run_says_that_it_is(whole: tuple[Path, Path, Workspace]) -> None:
    _, undisturbed, workspace = whole
    told: list[Event] = []
    run = finetune(load_recipe(), undisturbed, workspace=workspace, resume=True, listen=told.append)
    assert [event.key for event in told] == ["train.already_finished"]
    assert run.status == "finished"


def test_stopped_while_scoring_it_goes_on_with_the_weights_it_has(
    whole: tuple[Path, Path, Workspace], tmp_path: Path
) -> None:
    data, undisturbed, workspace = whole
    out = tmp_path / "run"

    def press(event: Event) -> None:
        if event.key == "train.stage_score":
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as raised:
        finetune(load_recipe(None, {**KEYS, "data": str(data)}), out, workspace=workspace, listen=press)
    assert raised.value.code == "train.interrupted_between"
    assert open_run(out).status == "interrupted"
    told: list[Event] = []
    run = finetune(load_recipe(), out, workspace=workspace, resume=True, listen=told.append)
    assert "train.stage_learn" not in {event.key for event in told}
    assert weights(out) == weights(undisturbed)
    assert run.metrics == open_run(undisturbed).metrics


def test_stopped_while_it_is_assembled_it_starts_over(whole: tuple[Path, Path, Workspace], tmp_path: Path) -> None:
    data, undisturbed, workspace = whole
    out = tmp_path / "run"

    def press(event: Event) -> None:
        if event.key == "backbones.encoding":
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        finetune(
            load_recipe(None, {**KEYS, "data": str(data), "max_length": "auto"}),
            out,
            workspace=Workspace(tmp_path),
            listen=press,
        )
    finetune(load_recipe(), out, workspace=workspace, resume=True)
    assert weights(out) == weights(undisturbed)

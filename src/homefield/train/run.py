"""A run's folder: what was trained, how it went, and the network that came of it.

recipe.toml      every key, with what `auto` stood for        log.txt         what was told
run.json         status, times, environment, best epoch       metrics.jsonl   numbers by step
weights/         network.safetensors, network.json, tokenizer.json
outputs/         validation, calibration and test: outputs and vectors of every row
beside.safetensors   n-grams that stand beside the network, where they gain
checkpoints/     where to go on from, until the run is finished
report.html      report.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from homefield.backbones import rebuild
from homefield.backbones.adapters import insert_lora
from homefield.backbones.how import parse_how
from homefield.data.dataset import Dataset, SplitName, open_dataset
from homefield.errors import CallError
from homefield.evaluate.grams import Beside
from homefield.files import new_folder, write_file
from homefield.plain import plain
from homefield.tasks import task
from homefield.train.network import Network, NetworkInfo
from homefield.train.outputs import Outputs, open_outputs
from homefield.train.recipe import Recipe, load_recipe

__all__ = [
    "BESIDE",
    "SCORED",
    "TASKS",
    "Run",
    "RunRecord",
    "adapted_part",
    "open_run",
    "read_facts",
    "read_network",
    "write_network",
]

Status = Literal["running", "finished", "interrupted", "failed"]
BESIDE = "beside.safetensors"
SCORED: tuple[SplitName, ...] = ("validation", "calibration", "test")
TASKS = "tasks"
"""Folder within a run that learned several tasks: of each a run of its own, under the task's name."""


@dataclass(frozen=True)
class Run:
    """An opened run."""

    path: Path
    recipe: Recipe

    @cached_property
    def record(self) -> dict[str, Any]:
        """run.json."""
        values: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        return values

    @property
    def status(self) -> Status:
        """Whether it is finished."""
        status: Status = self.record["status"]
        return status

    @cached_property
    def dataset(self) -> Dataset:
        """What it learned from."""
        return open_dataset(Path(self.recipe.data))

    @property
    def metrics(self) -> dict[str, Any]:
        """Metrics of the kept weights by split: `{"validation": {...}, "calibration": {...}, "test": {...}}`."""
        return dict(self.record.get("metrics", {}))

    @property
    def frozen_to(self) -> int:
        """The layer below which the backbone is as it was; 0 when all of it was trained."""
        return int(self.record["frozen_to"])

    @property
    def labels(self) -> tuple[str, ...]:
        """What the outputs stand for; empty for a number."""
        return tuple(self.record["labels"])

    @property
    def temperature(self) -> float:
        """What outputs are divided by before they become probabilities, fitted on validation."""
        return float(self.record.get("temperature", 1.0))

    def tasks(self) -> dict[str, Run]:
        """Of a run that learned several tasks, what came of each, by name; empty for any other."""
        return {name: open_run(self.path / TASKS / name) for name in self.record.get("tasks", {})}

    def task(self, name: str | None) -> Run:
        """What came of the task `name`; the run itself where it learned but one.

        Raises:
            CallError: `train.which_task`, when it learned several and `name` is none of them, or one and it is named.
        """
        several = self.tasks()
        if name is None and not several:
            return self
        if name not in several:
            raise CallError("train.which_task", run=self.path, tasks=", ".join(several) or "-", got=name or "-")
        return several[name]

    def network(self) -> Network:
        """The network with the weights that were kept, float32, in evaluation mode."""
        return read_network(self.path / "weights")

    def beside(self) -> Beside | None:
        """The n-grams that stand beside the network; None when it stands alone."""
        return Beside.of_arrays(load_arrays(self.path / BESIDE)) if self.record.get("beside") else None

    def outputs(self, split: str) -> Outputs:
        """The network's outputs for the rows of validation, calibration or test, in the dataset's order."""
        return open_outputs(self.path / "outputs" / f"{split}.safetensors")


def open_run(path: Path) -> Run:
    """Open the run in the folder `path`.

    Raises:
        CallError: `train.no_run`, when there is none.
    """
    if not (path / "run.json").is_file() or not (path / "recipe.toml").is_file():
        raise CallError("train.no_run", path=path)
    return Run(path, load_recipe(path / "recipe.toml"))


def adapted_part(record: Mapping[str, Any]) -> dict[str, Any]:
    """Of run.json what it says of the backbone's adapting, under `adapted`; nothing where it was not adapted."""
    return {"adapted": record["adapted"]} if record.get("adapted") else {}


class RunRecord:
    """run.json while it is being written; only the first rank writes."""

    def __init__(self, path: Path, *, writes: bool) -> None:
        self._file = path / "run.json"
        self._writes = writes
        self.values: dict[str, Any] = {}
        if self._file.is_file():
            self.values = json.loads(self._file.read_text(encoding="utf-8"))

    def update(self, **values: Any) -> None:
        """Set `values` and write the file."""
        self.values |= values
        self.values["updated"] = datetime.now(UTC).isoformat(timespec="seconds")
        if self._writes:
            write_file(self._file, json.dumps(plain(self.values), ensure_ascii=False, indent=1, allow_nan=False))

    def took(self, stage: str, seconds: float) -> None:
        """Add `seconds` to the time of a stage; written with the next update."""
        times: dict[str, float] = self.values.setdefault("seconds", {})
        times[stage] = round(times.get(stage, 0.0) + seconds, 3)


def write_network(network: Network, folder: Path, *, extra: Mapping[str, Any]) -> None:
    """Write `network` (float32) as a new folder that `read_network` reads; `extra` goes into network.json."""
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    facts = {**extra, "info": network.info.as_json(), "blueprint": network.backbone.blueprint()}
    with new_folder(folder) as partial:
        save_file(state, partial / "network.safetensors")
        network.backbone.tokenizer.save(str(partial / "tokenizer.json"))
        write_file(partial / "network.json", json.dumps(facts, ensure_ascii=False, indent=1))


def read_facts(folder: Path) -> dict[str, Any]:
    """What the network in `folder` is: `info`, `blueprint`.

    Raises:
        CallError: `train.no_weights`.
    """
    if not (folder / "network.json").is_file():
        raise CallError("train.no_weights", path=folder.parent)
    facts: dict[str, Any] = json.loads((folder / "network.json").read_text(encoding="utf-8"))
    return facts


def read_network(folder: Path) -> Network:
    """The network in `folder`, float32, in evaluation mode.

    Raises:
        CallError: `train.no_weights`, when the run has not been trained to its end.
    """
    facts = read_facts(folder)
    info = NetworkInfo.from_json(facts["info"])
    backbone = rebuild(facts["blueprint"], Tokenizer.from_file(str(folder / "tokenizer.json")))
    how = parse_how(info.how)
    if how.kind == "lora":
        insert_lora(backbone, rank=how.rank or 8, start=0 if how.k is None else backbone.layers - how.k)
    kind = task(info.task)
    head = kind.head(backbone.width, kind.size(info.labels), info.head_dropout)
    network = Network(backbone, head, info)
    network.load_state_dict(load_file(folder / "network.safetensors"))
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.to(torch.float32).eval()

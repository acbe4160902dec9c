"""Where a run can go on from: one folder per checkpoint, there wholly or not at all, in safetensors and JSON.

    checkpoints/step-00000120/state.json           place in the run, early stopping, length of metrics.jsonl
    checkpoints/step-00000120/state.safetensors    float32 weights of the trained part, averages, optimiser
    checkpoints/best-00000096/weights.safetensors   the best weights so far

There is no random state to keep: the random numbers of a step follow from seed, step and rank alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from homefield.files import new_folder

__all__ = ["Checkpoints", "Place"]


@dataclass
class Place:
    """Where a run is.

    best_step, best_value, best_epoch: of the weights kept. peak: the best value there was. since: sums of what the next
    line of metrics.jsonl tells. metrics_bytes: how long that file is. share: of the course that is behind. phase,
    phase_step: which part of a course of several this is, and its first step.
    """

    step: int = 0
    share: float = 0.0
    phase: int = 0
    phase_step: int = 0
    best_step: int | None = None
    best_value: float | None = None
    best_epoch: int | None = None
    peak: float | None = None
    without_gain: int = 0
    stopped_early: bool = False
    seconds: float = 0.0
    metrics_bytes: int = 0
    since: dict[str, float] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def latest(self) -> tuple[Place, dict[str, Tensor]] | None:
        """The newest checkpoint; None when there is none."""
        found = sorted(self.folder.glob("step-*"))
        if not found:
            return None
        place = Place(**json.loads((found[-1] / "state.json").read_text(encoding="utf-8")))
        return place, load_file(found[-1] / "state.safetensors")

    def save(self, place: Place, tensors: Mapping[str, Tensor], best: Mapping[str, Tensor] | None = None) -> None:
        """Write a checkpoint, with the best weights so far if they are not there yet; remove what it replaces."""
        target, kept = self.folder / f"step-{place.step:08d}", self._best(place)
        if kept is not None and best is not None and not kept.exists():
            with new_folder(kept) as folder:
                _write(best, folder / "weights.safetensors")
        if not target.exists():
            with new_folder(target) as folder:
                _write(tensors, folder / "state.safetensors")
                (folder / "state.json").write_text(json.dumps(asdict(place), indent=1), encoding="utf-8")
        self._keep({target, kept})

    def best(self, place: Place) -> dict[str, Tensor] | None:
        """The best weights that the checkpoint of `place` was saved with; None when there was no evaluation."""
        target = self._best(place)
        return None if target is None else load_file(target / "weights.safetensors")

    def clear(self) -> None:
        """Remove every checkpoint: the run's weights are kept elsewhere."""
        self._keep(set())

    def _best(self, place: Place) -> Path | None:
        return None if place.best_step is None else self.folder / f"best-{place.best_step:08d}"

    def _keep(self, wanted: set[Path | None]) -> None:
        # What a killed process left half-written begins with a dot; older checkpoints go last to first file.
        for old in [*self.folder.glob("step-*"), *self.folder.glob("best-*"), *self.folder.glob(".*.partial")]:
            if old not in wanted:
                shutil.rmtree(old, ignore_errors=True)


def _write(tensors: Mapping[str, Tensor], file: Path) -> None:
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, file)

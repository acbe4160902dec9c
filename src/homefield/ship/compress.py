"""A model becomes a smaller one: a smaller backbone learns from it, or what matters least is cut out of it.

Either way a run is trained with the model as its teacher, and goes through the parity gate like any other run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from homefield.backbones.adapters import merge
from homefield.bundle import MANIFEST, Bundle, Precision, open_bundle
from homefield.data.dataset import Dataset, SplitName, open_dataset
from homefield.errors import CallError
from homefield.evaluate.calibration import Output, probabilities
from homefield.evaluate.headline import compare, contributions, statistic
from homefield.evaluate.pairs import frame_rows
from homefield.evaluate.significance import Difference, paired_bootstrap
from homefield.events import Event, Listener, silent
from homefield.files import disk_errors
from homefield.serve import Predictor
from homefield.ship.matched import served_ranks
from homefield.ship.model import export
from homefield.ship.prune import Importance, labelled, measure_importance, paired, prune
from homefield.tasks import task
from homefield.train.finetune import finetune
from homefield.train.network import Network
from homefield.train.recipe import Recipe, load_recipe
from homefield.train.run import open_run, read_network, write_network
from homefield.workspace import Workspace

__all__ = ["Compressed", "Measured", "compress_by_distilling", "compress_by_pruning"]

_IMPORTANCE_ROWS = 2_048
_ALONE, _TOGETHER = 60, 512
_SPLITS: tuple[SplitName, ...] = ("test", "calibration", "validation")
_RECOVERY = {"epochs": 3, "train": "all", "soft": 0.7}


@dataclass(frozen=True)
class Measured:
    """One model as it is served: bytes of its networks, milliseconds for one text, texts a second in batches, and its
    headline metric on the test rows (or the first held-out split with rows)."""

    title: str
    bytes: Mapping[str, int]
    parameters: int
    milliseconds: float
    per_second: float
    metric: str
    value: float | None
    rows: int


@dataclass(frozen=True)
class Compressed:
    """What came of it. difference: of the headline metric on the same rows, the smaller model less the given one."""

    bundle: Bundle
    before: Measured
    after: Measured
    difference: Difference | None
    seconds: float


@dataclass(frozen=True)
class _Source:
    """The model to compress, with what it learned from. weights: a folder that holds `weights/`."""

    weights: Path
    dataset: Dataset
    recipe: Recipe
    bundle: Bundle
    risk: float | None


def compress_by_distilling(
    model: Path,
    backbone: str,
    out: Path,
    *,
    workspace: Workspace,
    data: Path | None = None,
    unlabelled: Path | None = None,
    keys: Mapping[str, object] = {},
    listen: Listener = silent,
) -> Compressed:
    """Teach `backbone` what the model in the folder `model` (a run or a model) knows; the new model goes to `out`.

    data: the dataset, which a model does not carry. unlabelled: a file of further texts. keys: of the recipe.

    Raises:
        CallError: `files.exists`, `ship.needs_data`, `ship.other_dataset`.
        RecipeFaults: the recipe that follows has faults.
        Refused: as `export`.
    """
    with _working(model, out, data, workspace, listen) as (source, folder):
        chosen: dict[str, object] = {
            "backbone": backbone, "train": "all", "unlabelled": _listed(unlabelled),
        }  # fmt: skip
        return _taught(source, out, folder, {**chosen, **keys}, workspace, listen)


def compress_by_pruning(
    model: Path,
    share: float,
    out: Path,
    *,
    workspace: Workspace,
    data: Path | None = None,
    unlabelled: Path | None = None,
    keys: Mapping[str, object] = {},
    listen: Listener = silent,
) -> Compressed:
    """Cut `share` of the heads and feed-forward units out of the model in `model`, and let the rest recover.

    Raises:
        CallError: as `compress_by_distilling`; `ship.not_prunable`, `ship.bad_share`.
        RecipeFaults, Refused: as there.
    """
    if not 0 < share < 1:
        raise CallError("ship.bad_share", got=share)
    with _working(model, out, data, workspace, listen) as (source, folder):
        network = read_network(source.weights / "weights")
        merge(network.backbone)
        listen(Event("stage", "ship.stage_importance"))
        importance = _importance(network, source.dataset)
        write_network(prune(network, importance, share), folder / "pruned" / "weights", extra={})
        rate = network.backbone.facts.learning_rate / 2
        chosen: dict[str, object] = {
            **_RECOVERY, "start": str(folder / "pruned"), "learning_rate": rate, "head_learning_rate": rate,
            "max_length": network.info.max_length,
            "unlabelled": _listed(unlabelled),
        }  # fmt: skip
        return _taught(source, out, folder, {**chosen, **keys}, workspace, listen)


def _importance(network: Network, dataset: Dataset) -> Importance:
    """By at most 2,048 training rows, evenly spaced."""
    kind, labels = task(network.info.task), network.info.labels
    frame = dataset.frame("train")
    some = frame[np.unique(np.linspace(0, len(frame) - 1, min(len(frame), _IMPORTANCE_ROWS)).astype(np.int64))]
    if kind.output == "vector":
        return measure_importance(network, kind, paired(network, frame_rows(some, noisy=False)))
    fitted = kind.fit(kind.targets(frame["label"], labels))
    questions = labelled(network, some["text"].to_list(), kind.targets(some["label"], labels))
    return measure_importance(network, fitted, questions)


def _listed(file: Path | None) -> list[str]:
    return [] if file is None else [str(file.resolve())]


@contextmanager
def _working(
    model: Path, out: Path, data: Path | None, workspace: Workspace, listen: Listener
) -> Iterator[tuple[_Source, Path]]:
    """The opened model, and a folder beside `out` that is gone afterwards."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CallError("files.exists", path=out)
    with disk_errors(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".partial", dir=out.parent) as name:
            yield _opened(model, data, workspace, listen, Path(name)), Path(name)


def _opened(model: Path, data: Path | None, workspace: Workspace, listen: Listener, folder: Path) -> _Source:
    if (model / MANIFEST).is_file():
        bundle = open_bundle(model)
        if data is None:
            raise CallError("ship.needs_data", model=model, dataset=bundle.manifest.dataset.get("name", "-"))
        dataset = open_dataset(data)
        expected, got = str(bundle.manifest.dataset["hash"]), dataset.manifest.hash
        if expected != got:
            raise CallError("ship.other_dataset", run=model, dataset=data, expected=expected[:16], got=got[:16])
        recipe = load_recipe(None, {"seed": bundle.manifest.run.get("seed", 0)})
    else:
        run = open_run(model)
        dataset, recipe = run.dataset if data is None else open_dataset(data), run.recipe
        bundle = export(run, folder / "before", threads=workspace.settings.threads, listen=listen)
    bought = bundle.manifest.thresholds.risk
    return _Source(bundle.path, dataset, recipe, bundle, None if bought is None else float(bought["risk"]))


def _taught(
    source: _Source, out: Path, folder: Path, keys: Mapping[str, object], workspace: Workspace, listen: Listener
) -> Compressed:
    """Train with the model as teacher, export through the gate, and put the two beside each other."""
    began = time.perf_counter()
    given = {
        "data": str(source.dataset.path), "seed": source.recipe.seed, "teacher": str(source.weights), "report": True,
        "task": source.bundle.manifest.task, **keys,
    }  # fmt: skip
    run = finetune(load_recipe(None, given), folder / "run", workspace=workspace, listen=listen)
    name = source.bundle.manifest.name
    bundle = export(run, out, risk=source.risk, name=name, threads=workspace.settings.threads, listen=listen)
    split: SplitName = next((split for split in _SPLITS if source.dataset.rows(split)), "train")
    listen(Event("stage", "ship.stage_beside"))
    before, first = _measured(source.bundle, source.dataset, split, workspace)
    after, second = _measured(bundle, source.dataset, split, workspace)
    difference = _difference(second, first, bundle.manifest.output) if len(first) else None
    return Compressed(bundle, before, after, difference, time.perf_counter() - began)


def _measured(
    bundle: Bundle, dataset: Dataset, split: SplitName, workspace: Workspace
) -> tuple[Measured, NDArray[np.float64]]:
    """The model as it is served, and what each row contributes to its headline metric."""
    manifest = bundle.manifest
    frame = dataset.frame(split)
    texts = frame["text"].to_list()
    predictor = Predictor(bundle, threads=workspace.settings.threads)
    times = []
    for text in texts[:_ALONE]:
        began = time.perf_counter()
        predictor.outputs([text])
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    some = predictor.outputs(texts[:_TOGETHER])
    per_second = len(some.logits) / max(1e-9, time.perf_counter() - began)
    if manifest.output == "vector":
        rows = served_ranks(predictor, dataset, split).reciprocal[:, None]
    else:
        logits = np.concatenate([some.logits, predictor.outputs(texts[_TOGETHER:]).logits])
        targets = task(manifest.task).targets(frame["label"], manifest.labels)
        chances = probabilities(logits, manifest.output, manifest.temperature)
        rows = contributions(chances, targets, manifest.output, np.asarray(manifest.thresholds.labels or 0.5))
    found = Measured(
        manifest.title,
        _sizes(bundle),
        int(sum(weight.numel() for weight in read_network(bundle.path / "weights").parameters())),
        1000 * float(np.median(times)) if times else float("nan"),
        per_second,
        manifest.metric,
        _headline(rows, manifest.output) if len(rows) else None,
        len(frame),
    )
    return found, rows


def _headline(rows: NDArray[np.float64], output: Output) -> float:
    """The headline metric of what each row contributes."""
    means = rows.mean(axis=0)[None]
    return float(means[0, 0] if output == "vector" else statistic(output)(means)[0])


def _difference(first: NDArray[np.float64], second: NDArray[np.float64], output: Output) -> Difference:
    """Of the headline metric, from what each row, or each text that was looked for, contributes."""
    if output == "vector":
        return paired_bootstrap(first, second, lambda means: means[:, 0])
    return compare(first, second, output)


def _sizes(bundle: Bundle) -> dict[str, int]:
    """Bytes of the network's files by precision."""
    files = bundle.manifest.files
    precisions: list[Precision] = ["fp32", "int8"]
    return {
        precision: sum(int(files[name]["bytes"]) for name in (parts.frozen, parts.head) if name is not None)
        for precision in precisions
        if (parts := bundle.parts(precision))
    }

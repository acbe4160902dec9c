"""Whether learning several tasks on one backbone helps the small ones: each task alone and all together, seed by seed.

Of two public Chinese sets, forum posts by sentiment and headlines by section, only so many rows have labels; a fifth of
each whole set is held out. Alone, each is a run; together they are one (`tasks` in a recipe). The same rows, the same
recipe; the difference is taken text by text, with all that was said of a text on every seed.

    python benchmarks/multitask.py --rows 500 1000 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import homefield
from homefield.data import Dataset
from homefield.evaluate.significance import paired_difference
from homefield.train import Run
from homefield.workspace import Workspace
from quality import SETS, cut, read

SMALL, LARGE = "finfe", "thucnews"
Ways = dict[str, list[NDArray[np.float64]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs=2, type=int, default=[500, 4000], help=f"with labels, of {SMALL} and {LARGE}")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--backbone", default="homefield-zh")
    parser.add_argument("--set", nargs="*", default=[], help="recipe keys of all runs, KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/multitask"))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    hits: dict[str, dict[str, list[NDArray[np.float64]]]] = {
        name: {"alone": [], "together": []} for name in (SMALL, LARGE)
    }
    seconds: dict[str, list[float]] = {"alone": [], "together": []}
    for seed in args.seeds:
        sets = {
            name: prepared(name, rows, seed, args.work) for name, rows in zip((SMALL, LARGE), args.rows, strict=True)
        }
        began = time.perf_counter()
        for name, dataset in sets.items():
            hits[name]["alone"].append(right(learned(args, seed, name, data=dataset.path), dataset))
        middle = time.perf_counter()
        run = learned(args, seed, "together", tasks=[str(one.path) for one in sets.values()])
        for name, dataset in sets.items():
            hits[name]["together"].append(right(run.task(dataset.path.name), dataset))
        seconds["alone"].append(middle - began)
        seconds["together"].append(time.perf_counter() - middle)
        for name, ways in hits.items():
            print(
                f"{name:9} seed {seed}  " + "  ".join(f"{way} {of[-1].mean():.2%}" for way, of in ways.items()),
                flush=True,
            )
    found = {name: told(name, ways) for name, ways in hits.items()}
    print("seconds a seed: " + ", ".join(f"{way} {statistics.median(each):.0f}" for way, each in seconds.items()))
    if args.json:
        args.json.write_text(json.dumps({**found, "seconds": seconds}, indent=1))


def prepared(name: str, rows: int, seed: int, work: Path) -> Dataset:
    """The first `rows` of what is not held out, and what is, as a dataset."""
    chosen, folder = SETS[name], work / f"{name}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    train, test = cut(read(chosen), chosen, seed, folder)
    few = folder / "few.csv"
    pl.read_csv(train).sample(rows, shuffle=True, seed=seed).write_csv(few)
    columns = {"text": chosen.text, "label": chosen.label}
    return homefield.prepare(few, folder / name, columns=columns, test=test, seed=seed)


def learned(args: argparse.Namespace, seed: int, way: str, **data: object) -> Run:
    """A run of one task or of all."""
    out = args.work / f"run-{way}-{seed}"
    shutil.rmtree(out, ignore_errors=True)
    keys = dict(pair.split("=", 1) for pair in args.set)
    return homefield.finetune(
        backbone=args.backbone, seed=seed, out=out, baseline=False, report=False, estimate=False,
        workspace=Workspace(args.work / "workspace"), **data, **keys,
    )  # fmt: skip


def right(run: Run, dataset: Dataset) -> NDArray[np.float64]:
    """Whether each held-out text got its label `[N]`."""
    labels = list(dataset.manifest.labels)
    truth = np.array([labels.index(label) for label in dataset.frame("test")["label"]])
    return np.asarray(run.outputs("test").logits.argmax(1) == truth, dtype=np.float64)


def told(name: str, ways: Ways) -> dict[str, float]:
    """A line of the table: means and the paired difference over all seeds."""
    alone, together = (np.concatenate(each) for each in ways.values())
    gain = paired_difference(together > 0, alone > 0)
    print(
        f"{name:9} mean    alone {alone.mean():.2%}  together {together.mean():.2%}"
        f"  gain {100 * gain.mean:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    )
    return {"alone": float(alone.mean()), "together": float(together.mean()), "low": gain.low, "high": gain.high}


if __name__ == "__main__":
    main()

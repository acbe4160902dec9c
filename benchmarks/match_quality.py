"""How often a fine-tuned matcher finds the right question first, beside TF-IDF and BM25 on the same rows.

Pairs of real loan-service questions, cut 80/20 by connected component, so that no question stands on both sides; every
`other` of the whole set is a candidate for every question asked.

    python benchmarks/match_quality.py --seeds 0 1 2
    python benchmarks/match_quality.py --backbone cnn-text --rows 3000 --seeds 0 --set epochs=2
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from pathlib import Path

import polars as pl

import homefield
from homefield.data import Dataset
from homefield.workspace import Workspace
from quality import SHARED

PAIRS = SHARED / "support" / "atec_pairs.csv"
SHARES = {"train": 0.76, "validation": 0.02, "calibration": 0.02, "test": 0.2}
SHOWN = ("recall_1", "recall_10", "mrr", "auc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--backbone", nargs="+", default=["auto"])
    parser.add_argument("--rows", type=int, default=0, help="of the pairs, the first so many; 0: all")
    parser.add_argument("--set", nargs="*", default=[], help="recipe keys, KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/match_quality"))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    found = []
    for backbone in args.backbone:
        of = [one(seed, backbone, args) for seed in args.seeds]
        found += of
        if len(of) > 1:
            tell(backbone, "mean", {n: {k: mean(each[n][k] for each in of) for k in SHOWN} for n in NAMES}, 0.0)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


NAMES = ("model", "tfidf", "bm25")


def one(seed: int, backbone: str, args: argparse.Namespace) -> dict[str, object]:
    """The numbers of one cut."""
    folder = args.work / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    prepared(seed, args.rows, folder)
    keys = dict(pair.split("=", 1) for pair in args.set)
    began = time.perf_counter()
    run = homefield.finetune(
        data=folder / "data", task="match", backbone=backbone, seed=seed, metric="mrr", out=folder / "run",
        workspace=Workspace(args.work / "workspace"), **keys,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    numbers = {"model": run.metrics["test"], **run.record["assessment"]["rivals"]}
    tell(backbone, seed, numbers, seconds)
    return {"seed": seed, "backbone": backbone, "keys": keys, "seconds": seconds, **numbers}


def prepared(seed: int, most: int, folder: Path) -> Dataset:
    """The pairs as the dataset `folder`/data, cut 80/20 by connected component; the first `most` rows (0: all)."""
    if not PAIRS.is_file():
        raise SystemExit(f"no pairs at {PAIRS}: set HOMEFIELD_SHARED_DATA")
    rows = pl.read_csv(PAIRS)
    rows = rows.head(most) if most else rows
    rows.write_csv(folder / "pairs.csv")
    columns = {"text": "question", "other": "other", "same": "same"}
    return homefield.prepare(folder / "pairs.csv", folder / "data", columns=columns, seed=seed, shares=SHARES)


def mean(values: object) -> float:
    return statistics.mean(values)  # type: ignore[arg-type]


def tell(backbone: str, seed: object, numbers: dict[str, dict[str, float]], seconds: float) -> None:
    """One line a ranker."""
    asked = numbers["model"]
    if "queries" in asked:
        among = f"{asked['queries']} questions, {asked['candidates']} candidates"
        print(f"{backbone}, seed {seed}: {among}, {seconds:.0f} s")
    for name in NAMES:
        cells = "  ".join(f"{metric} {numbers[name][metric]:.4f}" for metric in SHOWN)
        print(f"  {backbone if name == 'model' else name:12} seed {seed!s:5} {cells}", flush=True)


if __name__ == "__main__":
    main()

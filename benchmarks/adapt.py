"""Whether `adapt` helps where few rows have labels: fine-tuning with and without it, on the same rows, seed by seed.

Of the public finance tweets, 20 % are the test file; of the rest so many rows have labels, and the others' texts are
given in `unlabelled`. Both ways are trained on the same rows; one adapted backbone serves all seeds.

    python benchmarks/adapt.py --rows 1000 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import time
from pathlib import Path

import numpy as np
import polars as pl

import homefield
from homefield.workspace import Workspace

SHARED = Path(os.environ.get("HOMEFIELD_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
TWEETS = SHARED / "finance" / "twitter_sentiment.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000, help="rows with labels")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--backbone", default="minilm-en")
    parser.add_argument("--set", nargs="*", default=[], help="recipe keys of both ways, KEY=VALUE")
    parser.add_argument("--adapt-set", nargs="*", default=[], help="recipe keys of the adapted way, KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/adapt"))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if not TWEETS.is_file():
        raise SystemExit(f"no tweets at {TWEETS}: set HOMEFIELD_SHARED_DATA")
    data = lay_out(args.work, args.rows)
    found: dict[str, list[dict[str, float]]] = {"plain": [], "adapted": []}
    for seed in args.seeds:
        for way, of in found.items():
            of.append(one(way, seed, data, args))
            numbers = "  ".join(f"{key} {value:.4f}" for key, value in of[-1].items())
            print(f"{way:8} seed {seed}  {numbers}", flush=True)
    for way, of in found.items():
        means = "  ".join(f"{key} {statistics.mean(each[key] for each in of):.4f}" for key in of[0])
        print(f"{way:8} mean    {means}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


def lay_out(work: Path, rows: int) -> Path:
    """The dataset of labelled rows, and the other texts beside it."""
    folder = work / "data"
    shutil.rmtree(work, ignore_errors=True)
    folder.mkdir(parents=True)
    tweets = pl.read_csv(TWEETS)
    tweets = tweets[np.random.default_rng(0).permutation(len(tweets))]
    test = len(tweets) // 5
    tweets[:test].write_csv(folder / "test.csv")
    tweets[test : test + rows].write_csv(folder / "train.csv")
    tweets[test + rows :].select("text").write_csv(folder / "further.csv")
    homefield.prepare(
        folder / "train.csv",
        folder / "set",
        columns={"text": "text", "label": "sentiment"},
        test=folder / "test.csv",
        shares={"train": 0.9, "validation": 0.1},
    )
    return folder


def one(way: str, seed: int, data: Path, args: argparse.Namespace) -> dict[str, float]:
    """The numbers of one run on the test rows."""
    keys: dict[str, object] = dict(pair.split("=", 1) for pair in args.set)
    if way == "adapted":
        keys |= {"adapt": True, "unlabelled": [str(data / "further.csv")]}
        keys |= dict(pair.split("=", 1) for pair in args.adapt_set)
    began = time.perf_counter()
    run = homefield.finetune(
        data=data / "set", backbone=args.backbone, seed=seed, out=args.work / f"{way}-{seed}", estimate=False,
        baseline=False, report=False, workspace=Workspace(args.work / "workspace"), **keys,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    test = run.metrics["test"]
    return {"f1_macro": test["f1_macro"], "accuracy": test["accuracy"], "seconds": seconds}


if __name__ == "__main__":
    main()

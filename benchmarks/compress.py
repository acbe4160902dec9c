"""What a model loses and gains by being made smaller: size, speed and quality, before and after, on public data.

A model is fine-tuned whole, then made smaller in several ways: a small network from scratch taught by it (`--distil
cnn-text`, also with texts that have no labels, and beside the same network taught by the labels alone), and a share of
its heads and feed-forward units cut out (`--prune`). Each goes through the parity gate, as `homefield compress` does.

    python benchmarks/compress.py                     banking77, seed 0
    python benchmarks/compress.py --prune 0.25 --set epochs=1
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import homefield
from homefield.ship.compress import Compressed, Measured
from homefield.workspace import Workspace
from quality import SETS, SHARED

SMALL = "cnn-text"


def main() -> None:
    """Train, make smaller, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=["banking77", "hwu64"], default="banking77")
    parser.add_argument("--prune", nargs="*", type=float, default=[0.25, 0.5])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], help="recipe keys of the first model, KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/compress"))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    args = parser.parse_args()
    shutil.rmtree(args.work, ignore_errors=True)
    args.work.mkdir(parents=True)
    told: list[dict[str, Any]] = []
    for way, found in ways(args):
        if not told:
            told.append(row("as trained", found.before, None))
        told.append(row(way, found.after, found))
        print(told[-1], flush=True)
    columns = list(told[0])
    print(" | ".join(columns))
    for each in told:
        print(" | ".join(str(each[column]) for column in columns))
    if args.json:
        args.json.write_text(json.dumps(told, indent=1) + "\n")


def ways(args: argparse.Namespace) -> Iterator[tuple[str, Compressed]]:
    """Every way of making the model smaller, with what came of it."""
    chosen, workspace, folder = SETS[args.data], Workspace(args.work / "workspace"), args.work
    columns = {"text": chosen.text, "label": chosen.label}
    homefield.prepare(
        SHARED / chosen.train, folder / "data", columns=columns, test=SHARED / str(chosen.test), seed=args.seed
    )
    keys = dict(pair.split("=", 1) for pair in args.set)
    data = {"data": folder / "data", "seed": args.seed, "workspace": workspace}
    run = homefield.finetune(out=folder / "run", **data, **keys)
    others = texts_of("hwu64" if args.data == "banking77" else "banking77", folder / "others.csv")
    print(f"as trained: {run.metrics['test']['accuracy']:.4f}", flush=True)
    alone = homefield.finetune(out=folder / "alone", backbone=SMALL, **data)
    print(f"{SMALL} by the labels alone: {alone.metrics['test']['accuracy']:.4f}", flush=True)
    yield f"{SMALL}, taught by it", smaller(run.path, folder / "taught", workspace, distil=SMALL)
    yield (
        f"{SMALL}, taught by it, with texts of another company",
        smaller(run.path, folder / "taught-more", workspace, distil=SMALL, unlabelled=others),
    )
    for share in args.prune:
        yield f"{share:.0%} cut out", smaller(run.path, folder / f"pruned-{share}", workspace, prune=share)


def smaller(run: Path, out: Path, workspace: Workspace, **how: Any) -> Compressed:
    """As the command does it."""
    return homefield.compress(run, out, workspace=workspace, **how)


def texts_of(name: str, file: Path) -> Path:
    """The texts of another set, without their labels."""
    chosen = SETS[name]
    with (SHARED / chosen.train).open(encoding="utf-8", newline="") as stream:
        rows = [each[chosen.text] for each in csv.DictReader(stream)]
    with file.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["text"])
        out.writerows([text] for text in rows)
    return file


def row(way: str, model: Measured, found: Compressed | None) -> dict[str, Any]:
    """One line of the table; the difference is to the model as trained, on the same rows, with its 95 % interval."""
    less = None if found is None else found.difference
    return {
        "way": way,
        "weights, M": round(model.parameters / 1e6, 1),
        "MB int8": round(model.bytes.get("int8", 0) / 1e6, 1),
        "ms alone": round(model.milliseconds, 2),
        "texts/s": round(model.per_second),
        model.metric: None if model.value is None else round(model.value, 4),
        "points": "" if less is None else f"{100 * less.mean:+.1f} ({100 * less.low:+.1f} … {100 * less.high:+.1f})",
    }


if __name__ == "__main__":
    main()

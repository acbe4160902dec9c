"""How good fine-tuned models are on public data, beside TF-IDF + linear learned from the same training rows.

For each set, way of training and seed: prepare -> finetune -> export -> answers of the int8 model on every row of the
test file as it is. Numbers of one seed are lines of a JSON Lines file, so that a long sweep can be stopped and go on.

    python benchmarks/quality.py banking77 hwu64 twitter --how all top:2 --seeds 0 1 2
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.metrics import accuracy_score, f1_score

import homefield
from homefield.evaluate.baselines import tfidf_linear
from homefield.workspace import Workspace

SHARED = Path(os.environ.get("HOMEFIELD_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Set:
    """A public data set: its files, columns, and the number that is asked of it."""

    train: str
    test: str | None
    text: str
    label: str


SETS = {
    "banking77": Set("support/banking77_train.csv", "support/banking77_test_half.csv", "text", "category"),
    "hwu64": Set("support/hwu64_train.csv", "support/hwu64_test.csv", "text", "intent"),
    "twitter": Set("finance/twitter_sentiment.csv", None, "text", "sentiment"),
    "finfe": Set("finance/finfe_sentiment.jsonl", None, "text", "label"),
    "thucnews": Set("finance/thucnews_10k.csv", None, "headline", "section"),
    "finnl": Set("finance/finnl_topics.jsonl", None, "text", "topics"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=[name for name in SETS if name != "finnl"])
    parser.add_argument("--how", nargs="+", default=["all"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--backbone", default="auto")
    parser.add_argument("--set", nargs="*", default=[], help="recipe keys, KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/quality"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    log = args.work / "quality.jsonl"
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    for name in args.sets:
        for how in args.how:
            found = []
            for seed in args.seeds:
                key = {"set": name, "how": how, "seed": seed, "backbone": args.backbone, "keys": sorted(args.set)}
                numbers = next((d for d in done if all(d[k] == v for k, v in key.items())), None)
                if numbers is None:
                    numbers = key | one(SETS[name], how, seed, args)
                    with log.open("a") as stream:
                        stream.write(json.dumps(numbers) + "\n")
                found.append(numbers)
                tell(numbers)
            if len(found) > 1:
                means = {k: statistics.mean(f[k] for f in found) for k, v in found[0].items() if isinstance(v, float)}
                tell(found[0] | means | {"seed": "mean"})


def tell(numbers: dict[str, object]) -> None:
    """One line of the table."""
    cells = " ".join(
        f"{name} {numbers[name]:.4f}"
        for name in ("run_accuracy", "accuracy", "tfidf_accuracy", "run_f1", "f1", "tfidf_f1")
    )
    print(
        f"{numbers['set']:10} {numbers['how']:7} seed {numbers['seed']!s:4} {cells} {numbers['seconds']:.0f} s",
        flush=True,
    )


def one(chosen: Set, how: str, seed: int, args: argparse.Namespace) -> dict[str, object]:
    """The numbers of one run: `run_` of the fp32 weights on the test split, the plain ones of the int8 model."""
    folder = args.work / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    train, test = files(chosen, seed, folder)
    columns = {"text": chosen.text, "label": chosen.label}
    dataset = homefield.prepare(train, folder / "data", columns=columns, test=test, seed=seed)
    workspace = Workspace(args.work / "workspace")
    keys = dict(pair.split("=", 1) for pair in args.set)
    began = time.perf_counter()
    run = homefield.finetune(
        data=folder / "data",
        backbone=args.backbone,
        train=how,
        seed=seed,
        out=folder / "run",
        workspace=workspace,
        **keys,
    )
    seconds = time.perf_counter() - began
    homefield.export(run, folder / "model", workspace=workspace)
    rows = pl.read_csv(test)
    truth = rows[chosen.label].cast(str).to_list()
    said = [p.label for p in homefield.load(folder / "model").predict(rows[chosen.text].to_list(), evidence=0)]
    frame = dataset.frame("train")
    labels = list(dataset.manifest.labels)
    targets = np.array([labels.index(label) for label in frame["label"]])
    baseline = tfidf_linear(frame["text"].to_list(), targets, "category", len(labels), seed=seed)
    guessed = [labels[i] for i in baseline.logits(rows[chosen.text].to_list()).argmax(1)]
    own = run.metrics["test"]
    return {
        "run_accuracy": own["accuracy"],
        "run_f1": own["f1_macro"],
        "accuracy": float(accuracy_score(truth, [s or "" for s in said])),
        "f1": float(f1_score(truth, [s or "" for s in said], average="macro", labels=labels)),
        "tfidf_accuracy": float(accuracy_score(truth, guessed)),
        "tfidf_f1": float(f1_score(truth, guessed, average="macro", labels=labels)),
        "rows": len(truth),
        "seconds": seconds,
    }


def files(chosen: Set, seed: int, folder: Path) -> tuple[Path, Path]:
    """Training and test file; a set without a test file is cut 80/20, stratified."""
    if chosen.test is not None:
        return SHARED / chosen.train, SHARED / chosen.test
    return cut(read(chosen), chosen, seed, folder)


def read(chosen: Set) -> pl.DataFrame:
    """The rows of a set's training file."""
    path = SHARED / chosen.train
    if not path.is_file():
        raise SystemExit(f"no records at {path}: set HOMEFIELD_SHARED_DATA")
    return pl.read_csv(path) if path.suffix == ".csv" else pl.read_ndjson(path)


def cut(rows: pl.DataFrame, chosen: Set, seed: int, folder: Path) -> tuple[Path, Path]:
    """Four fifths of the texts as a training file, one fifth as a test file; rows with the same text stay together.

    Of the texts in the order of their labels, shuffled within a label, every fifth is held out: so each label has its
    share, and labels with one row do no harm.
    """
    label = pl.col(chosen.label)
    if rows.schema[chosen.label] == pl.List:
        label = label.list.sort().list.join(", ")
    texts = rows.with_columns(label.alias("stratum")).unique(chosen.text, keep="first", maintain_order=True)
    ordered = texts.sample(fraction=1.0, shuffle=True, seed=seed).sort("stratum", maintain_order=True)
    held = rows[chosen.text].is_in(ordered[chosen.text].gather_every(5, seed % 5).to_list())
    made = []
    for name, part in (("train", rows.filter(~held)), ("test", rows.filter(held))):
        lists = rows.schema[chosen.label] == pl.List
        made.append(folder / f"{name}.{'jsonl' if lists else 'csv'}")
        part.write_ndjson(made[-1]) if lists else part.write_csv(made[-1])
    return made[0], made[1]


if __name__ == "__main__":
    main()

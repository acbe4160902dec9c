"""Wall time of fine-tuning minilm-en beside a plain Transformers `Trainer`, at equal rows, epochs and batch.

Every measurement is a process of its own, ours and the peers' in turn, `--repeats` times, so that a noisy machine
disturbs both alike; ratios are of medians. The Trainer's clock runs over `train()` alone; ours over the whole
`finetune()` (tokenising, estimate, evaluation after each epoch and scoring of all held-out rows included), and over
its training steps with the evaluations between them alone.

    python benchmarks/training_speed.py --rows 2000 --epochs 1 --repeats 3
    python benchmarks/training_speed.py --only "homefield all" --epochs 3 --target 0.925
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

import homefield

SHARED = Path(os.environ.get("HOMEFIELD_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
OURS = """
import json, sys, time, homefield, torch
from homefield.workspace import Workspace
from pathlib import Path
data, how, epochs, seed, out, place = sys.argv[1:7]
keys = dict(pair.split("=", 1) for pair in sys.argv[7:])
began = time.perf_counter()
run = homefield.finetune(data=data, backbone="minilm-en", train=how, epochs=int(epochs), seed=int(seed),
    baseline=False, report=False, out=out, workspace=Workspace(Path(place)), **keys)
whole = time.perf_counter() - began
values = json.loads((Path(out) / "run.json").read_text())
print(json.dumps({"seconds": whole, "train_seconds": values["seconds"]["train"], "by_epoch": [
    json.loads(line) for line in (Path(out) / "metrics.jsonl").read_text().splitlines() if '"evaluation"' in line],
    "accuracy": run.metrics.get("test", run.metrics["validation"])["accuracy"]}))
"""
OURS_BY_NAME = {"homefield all": "all", "homefield top:2, cold": "top:2", "homefield top:2, warm": "top:2"}
TRAINERS: dict[str, list[str]] = {"Trainer": [], "Trainer, 4 layers frozen": ["--freeze", "4"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=0, help="training rows, 0 = all of banking77_train")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--target", type=float, default=0.0, help="also measure the time to this test accuracy")
    parser.add_argument("--most-epochs", type=int, default=12, help="where the Trainer gives up on --target")
    parser.add_argument("--set", nargs="*", default=[], help="recipe keys for ours, KEY=VALUE")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the contestants of equal epochs, these alone")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        results = measure(args, Path(place))
    print_table(results)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(results, indent=1))


def measure(args: argparse.Namespace, place: Path) -> dict[str, list[dict[str, float]]]:
    """Every contestant, `repeats` times in turn."""
    train, test = place / "train.csv", SHARED / "support/banking77_test_half.csv"
    rows = pl.read_csv(SHARED / "support/banking77_train.csv").sample(fraction=1.0, shuffle=True, seed=0)
    (rows.head(args.rows) if args.rows else rows).write_csv(train)
    # Ours trains on fewer rows (validation and calibration are held back); the peer gets exactly those rows.
    dataset = homefield.prepare(train, place / "data", columns={"text": "text", "label": "category"}, test=test)
    dataset.frame("train").select("text", category="label").write_csv(train)
    found: dict[str, list[dict[str, float]]] = {}
    for turn in range(args.repeats):
        for name, how in OURS_BY_NAME.items():
            if args.only and name not in args.only:
                continue
            out = place / f"run{turn}{len(found)}{name[-4:]}"
            home = place / (f"cache{turn}" if how == "top:2" else "cache")
            command = [OURS, str(place / "data"), how, str(args.epochs), str(turn), str(out), str(home), *args.set]
            found.setdefault(name, []).append(run([sys.executable, "-c", *command]))
        for name, more in TRAINERS.items():
            if args.only and name not in args.only:
                continue
            found.setdefault(name, []).append(peer(train, test, args.epochs, turn, more))
    if args.target:
        more = ["--target", str(args.target)]
        found[f"Trainer to {args.target:.1%}"] = [peer(train, test, args.most_epochs, 0, more)]
    return found


def peer(train: Path, test: Path, epochs: int, seed: int, more: list[str]) -> dict[str, float]:
    """One run of the plain Trainer script."""
    script = Path(__file__).with_name("peer_trainer.py")
    return run(
        [sys.executable, str(script), str(train), str(test), "--epochs", str(epochs), "--seed", str(seed), *more]
    )


def run(command: list[str]) -> dict[str, float]:
    """The last line of a process's output, as JSON."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def print_table(found: dict[str, list[dict[str, float]]]) -> None:
    """Medians, and how many times faster than the Trainer (of as many epochs, or else to the target)."""
    trainer = next(name for name in reversed(found) if name == "Trainer" or name.startswith("Trainer to"))
    base = statistics.median(r["seconds"] for r in found.get("Trainer", found[trainer]))
    for name, runs in found.items():
        seconds = statistics.median(r["seconds"] for r in runs)
        steps = statistics.median(r.get("train_seconds", r["seconds"]) for r in runs)
        accuracy = statistics.median(r["accuracy"] for r in runs)
        whole = f"whole {seconds:7.1f} s  x{base / seconds:5.2f}"
        print(f"{name:26} {whole}   training {steps:7.1f} s  x{base / steps:5.2f}   accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()

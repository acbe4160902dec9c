"""Does a risk budget keep its promise? Cut scored rows into calibration and test again and again, and count.

    python benchmarks/risk_resplits.py RUN                     a run's calibration and test rows
    python benchmarks/risk_resplits.py scores.npz              logits [N, C], targets [N]; or .safetensors, .parquet

Each time the threshold is chosen on the calibration part alone; the promise is broken when more than the budget of the
test part's automatic answers are wrong. Broken at most in 10 % of the cuts and at least 60 % automatic is the aim for
banking77 at 2 %.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import load_file

from homefield.evaluate.calibration import fit_temperature, probabilities
from homefield.evaluate.risk import risk_threshold

Rows = tuple[NDArray[np.floating], NDArray[np.int64]]


def main() -> None:
    """Read scores, cut, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path, help="a run's folder, or a file of logits and targets")
    parser.add_argument("--risk", type=float, default=0.02)
    parser.add_argument("--delta", type=float, default=0.05)
    parser.add_argument("--calibration", type=int, nargs="+", default=[700, 1000, 1500], help="rows to calibrate on")
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--validation", type=int, default=500, help="rows set aside for the temperature (files only)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    confidence, correct = _confidences(arguments)
    print(f"{len(correct):,} rows, {correct.mean():.1%} right, risk {arguments.risk:.1%}, delta {arguments.delta}")
    print(f"{'calibration':>12} {'test':>7} {'automatic':>10} {'wrong':>7} {'none':>6} {'broken':>7}")
    found = []
    for rows in arguments.calibration:
        if rows >= len(correct):
            print(f"{rows:>12,} more than there are")
            continue
        result = resplits(confidence, correct, rows, arguments.risk, arguments.delta, arguments.splits, arguments.seed)
        found.append(result)
        print(
            f"{rows:>12,} {result['test']:>7,} {result['automatic']:>10.1%} {result['wrong']:>7.2%} "
            f"{result['none']:>6.1%} {result['broken']:>7.1%}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def resplits(
    confidence: NDArray[np.floating],
    correct: NDArray[np.bool_],
    rows: int,
    risk: float,
    delta: float,
    splits: int,
    seed: int,
) -> dict[str, Any]:
    """Means over `splits` cuts with `rows` calibration rows: automatic rate, wrong among automatic, broken promises."""
    random = np.random.default_rng(seed)
    rates, wrong = np.zeros(splits), np.zeros(splits)
    for split in range(splits):
        order = random.permutation(len(correct))
        held, test = order[:rows], order[rows:]
        chosen = risk_threshold(confidence[held], correct[held], risk=risk, delta=delta)
        automatic = confidence[test] >= chosen.threshold
        rates[split] = automatic.mean()
        wrong[split] = 1 - correct[test][automatic].mean() if automatic.any() else 0.0
    return {
        "calibration": rows,
        "test": len(correct) - rows,
        "splits": splits,
        "risk": risk,
        "delta": delta,
        "automatic": float(rates.mean()),
        "wrong": float(wrong.mean()),
        "none": float((rates == 0).mean()),
        "broken": float((wrong > risk).mean()),
    }


def _confidences(arguments: argparse.Namespace) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if arguments.scores.is_dir():
        (logits, targets), temperature = _run(arguments.scores)
    else:
        logits, targets = _file(arguments.scores)
        order = np.random.default_rng(arguments.seed).permutation(len(targets))
        held, rest = order[: arguments.validation], order[arguments.validation :]
        temperature = fit_temperature(logits[held], targets[held], "category")
        logits, targets = logits[rest], targets[rest]
    chances = probabilities(logits, "category", temperature)
    return chances.max(axis=1), chances.argmax(axis=1) == targets


def _run(folder: Path) -> tuple[Rows, float]:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    from homefield.train import open_run

    run = open_run(folder)
    index = {label: place for place, label in enumerate(run.labels)}
    logits, targets = [], []
    for split in ("calibration", "test"):
        logits.append(load_file(folder / "outputs" / f"{split}.safetensors")["logits"])
        targets.append(np.array([index[label] for label in run.dataset.frame(split)["label"]], dtype=np.int64))
    return (np.concatenate(logits), np.concatenate(targets)), float(record.get("temperature", 1.0))


def _file(path: Path) -> Rows:
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        return np.array(frame["logits"].to_list(), dtype=np.float32), frame["targets"].to_numpy().astype(np.int64)
    arrays = dict(np.load(path)) if path.suffix == ".npz" else load_file(path)
    return arrays["logits"], arrays["targets"].astype(np.int64)


if __name__ == "__main__":
    main()

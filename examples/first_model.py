"""From a file of records to a model that answers, in one page of Python.

    python examples/first_model.py            makes a folder `first-model` here
    python examples/first_model.py elsewhere

The records are the sample questions that come with Homefield; put your own file and columns in their place.
"""

from __future__ import annotations

import sys
from pathlib import Path

import homefield
from homefield import demo

QUESTIONS = ["my parcel hasn't moved for four days, where is it?", "Will it rain in Lisbon tomorrow?"]


def main(out: Path, **keys: object) -> None:
    """Make a dataset, a run and a model under `out`, and ask the model. keys: of the recipe."""
    dataset = homefield.prepare(
        demo.records("en"), out / "data", columns={"text": "question", "label": "intent", "time": "date"}
    )
    counts = dataset.manifest.counts
    print(f"{counts['read']} rows: {counts['kept']} kept, {counts['rejected']} rejected, {counts['merged']} merged")

    run = homefield.finetune(data=dataset.path, out=out / "run", **keys)
    print(f"report: {run.path / 'report.html'}")

    homefield.export(run, out / "model")
    model = homefield.load(out / "model")
    for question, prediction in zip(QUESTIONS, model.predict(QUESTIONS), strict=True):
        print(f"{question}\n  {prediction.label} {prediction.confidence:.0%} -> {prediction.decision}")
        for row in prediction.evidence:
            print(f"    like row {row.row}: {row.text} ({row.label})")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "first-model"), train="top:2", epochs=6)

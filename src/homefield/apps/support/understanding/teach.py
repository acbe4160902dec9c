"""Examples become two datasets and a trained model: the only place of this application that needs PyTorch.

The questions are split first (a dialogue and near-duplicates on one side); only those of the train split are learned
from, in pairs: a question beside other questions of its matter, and beside its answer. So what validation and
calibration say later is said of questions that nothing has seen, about answers that are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from homefield.apps.support.understanding.material import Material
from homefield.bundle import Bundle
from homefield.data.dataset import Dataset, SplitName
from homefield.data.options import PrepareOptions
from homefield.data.prepare import prepare
from homefield.evaluate.pairs import pair_rows
from homefield.events import Listener
from homefield.ship import export_named
from homefield.train.check import load_whole
from homefield.train.finetune import finetune
from homefield.workspace import Workspace

__all__ = ["Taught", "split_questions", "teach"]

SHARES: Mapping[str, float] = {"train": 0.75, "validation": 0.10, "calibration": 0.15}
PARTNERS = 2  # other questions that each is learned beside
FEW = 2_000  # questions up to which only the upper layers are tuned, so that small records are learned in seconds
_SEEN = 8_000  # pairs that are then learned from, all epochs together, within what `_EPOCHS` allows
_EPOCHS = (3, 8)
_SPLITS: tuple[SplitName, ...] = ("train", "validation", "calibration")


@dataclass(frozen=True)
class Taught:
    """Questions of one split: what the network reads, the question alone, and the place of its matter."""

    texts: tuple[str, ...]
    questions: tuple[str, ...]
    matters: tuple[int, ...]

    def __add__(self, other: Taught) -> Taught:
        return Taught(self.texts + other.texts, self.questions + other.questions, self.matters + other.matters)


def split_questions(
    material: Material, folder: Path, *, seed: int, listen: Listener
) -> tuple[Dataset, dict[SplitName, Taught]]:
    """Prepare the questions in `folder` and give those of each split.

    Raises:
        RecordsError: as `prepare`.
    """
    place = {answer: number for number, matter in enumerate(material.matters) for answer in matter.answers}
    examples = material.examples
    rows: dict[str, object] = {
        "text": [each.text for each in examples],
        "label": [str(place[each.answer]) for each in examples],
        "question": [each.question for each in examples],
    }
    if material.depth:
        rows["group"] = [each.dialogue for each in examples]
    folder.mkdir(parents=True)
    file = folder / "questions.parquet"
    pl.DataFrame(rows).write_parquet(file)
    options = PrepareOptions(shares=SHARES, seed=seed, label_kind="category", suspects_rows=0)
    dataset = prepare([file], folder / "questions", columns={n: n for n in rows}, options=options, listen=listen)
    found: dict[SplitName, Taught] = {}
    for split in _SPLITS:
        frame = dataset.frame(split)
        found[split] = Taught(
            tuple(frame["text"].to_list()),
            tuple(frame["question"].to_list()),
            tuple(int(label) for label in frame["label"].to_list()),
        )
    return dataset, found


def teach(
    material: Material,
    train: Taught,
    validation: Taught,
    folder: Path,
    *,
    name: str,
    workspace: Workspace,
    settings: Mapping[str, object],
    seed: int,
    job: str | None = None,
    listen: Listener,
) -> Bundle:
    """Train a network on the train split and register it as the next version of the model `name`; the questions of
    `validation` look for their answers when its 8-bit form is proven.

    settings: keys of the recipe that are not left to this. job: whose model this is, as `export_named` has it.

    Raises:
        RecipeError: a key of `settings`. Refused: as `homefield.ship.export`.
    """
    frame = _pairs(material, train, seed)
    file = folder / "pairs.parquet"
    frame.write_parquet(file)
    # Every pair is for training: what was held out are whole questions, before there were pairs.
    options = PrepareOptions(shares={"train": 1.0}, label_kind="none", near_threshold=1.0, suspects_rows=0, seed=seed)
    dataset = prepare([file], folder / "pairs", columns={n: n for n in frame.columns}, options=options, listen=listen)
    keys: dict[str, object] = {
        "data": str(dataset.path), "task": "match", "seed": seed, "report": False, "baseline": False,
        "estimate": False,
    }  # fmt: skip
    if len(train.texts) <= FEW:
        keys["epochs"] = min(_EPOCHS[1], max(_EPOCHS[0], round(_SEEN / len(frame))))
        if "backbone" not in settings:  # one that is named may have nothing to keep frozen
            keys["train"] = "top:2"
    recipe = load_whole(None, {**keys, **settings}, workspace)
    run = finetune(recipe, folder / "run", workspace=workspace, listen=listen)
    # Among a hundred questions of one matter none is the right one, so what 8 bits cost is told by questions that look
    # for their answer.
    held = validation if validation.texts else train
    answers = [answer_text(material, material.matters[matter].answers[0]) for matter in held.matters]
    judged_on = pair_rows(held.texts, answers, None)
    return export_named(run, name, workspace, job=job, evidence=0, judged_on=judged_on, listen=listen)


def _pairs(material: Material, train: Taught, seed: int) -> pl.DataFrame:
    """Questions beside questions of their matter and beside its answers, and the pairs that people judged."""
    random = np.random.default_rng([seed, 5])
    places: dict[int, list[int]] = {}
    for row, matter in enumerate(train.matters):
        places.setdefault(matter, []).append(row)
    pairs: list[tuple[str, str, bool]] = []
    for matter, members in places.items():
        mixed = random.permutation(members).tolist()
        texts = [answer_text(material, each) for each in material.matters[matter].answers]
        for at, row in enumerate(mixed):
            text = train.texts[row]
            # Steps of one, two, ... round the circle: each pair once, and every question in equally many.
            steps = range(1, min(PARTNERS, (len(mixed) - 1) // 2 or len(mixed) - 1) + 1)
            pairs += [(text, train.texts[mixed[(at + step) % len(mixed)]], True) for step in steps]
            pairs.append((text, texts[at % len(texts)], True))
            if train.questions[row] != text:
                pairs.append((train.questions[row], texts[at % len(texts)], True))
    pairs += [(each.one, each.other, each.same) for each in material.same]
    frame = pl.DataFrame(pairs, schema=["text", "other", "same"], orient="row")
    if frame["same"].all():
        return frame.drop("same")
    return frame.with_columns(pl.col("same").cast(pl.Int8).cast(pl.String))


def answer_text(material: Material, answer: str) -> str:
    """An answer as the network reads it; the name of an intent in words."""
    written = material.answers[answer].text
    return written.replace("_", " ") if " " not in written else written

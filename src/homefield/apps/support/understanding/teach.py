"""Examples become a dataset of pairs and a trained model: the only place of this application that needs PyTorch.

A question stands beside other questions of its matter, and beside its answer. Only questions of the train split are
learned from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from homefield.apps.support.understanding.material import Material
from homefield.apps.support.understanding.splits import FEW, Taught
from homefield.bundle import Bundle
from homefield.data.options import PrepareOptions
from homefield.data.prepare import prepare
from homefield.evaluate.pairs import pair_rows
from homefield.events import Listener
from homefield.ship import export_named
from homefield.train.check import load_whole
from homefield.train.finetune import finetune
from homefield.workspace import Workspace

__all__ = ["answer_text", "teach"]

PARTNERS = 2  # other questions that each is learned beside
_SEEN = 8_000  # pairs that are then learned from, all epochs together, between `_LEAST` and `_MOST`
_LEAST, _MOST = 3, {"en": 4, "zh": 8}
# `minilm-en` has compared sentences before: of the sample shop's English questions the nearest is right for 96 % of
# those held out after 3 epochs, for 91 % after 8. Of many it needs no more either: hwu64's intents (draw 2) after 2, 3
# and 6 epochs 93.2, 93.5 and 92.5 % right first, 59, 62 and 58 % of unknown ones rejected, built in 190, 299, 552 s.


def teach(
    material: Material,
    train: Taught,
    judged: Taught,
    folder: Path,
    *,
    name: str,
    language: str,
    workspace: Workspace,
    settings: Mapping[str, object],
    seed: int,
    job: str | None = None,
    listen: Listener,
) -> Bundle:
    """Train a network on questions of the train split and register it as the next version of the model `name`; the
    questions of `judged` look for their answers when its 8-bit form is proven.

    language: of most questions. settings: keys of the recipe that are not left to this. job: whose model this is, as
    `export_named` has it.

    Raises:
        RecipeError: a key of `settings`. Refused: as `homefield.ship.export`.
    """
    frame = _pairs(material, train, seed)
    folder.mkdir()
    file = folder / "pairs.parquet"
    frame.write_parquet(file)
    # Every pair is for training: what was held out are whole questions, before there were pairs.
    options = PrepareOptions(shares={"train": 1.0}, label_kind="none", near_threshold=1.0, suspects_rows=0, seed=seed)
    dataset = prepare([file], folder / "pairs", columns={n: n for n in frame.columns}, options=options, listen=listen)
    keys: dict[str, object] = {
        "data": str(dataset.path), "task": "match", "seed": seed, "report": False, "baseline": False,
        "estimate": False,
    }  # fmt: skip
    if len(material.examples) <= FEW:
        most = _MOST["zh"] if "backbone" in settings else _MOST[language]
        keys["epochs"] = min(most, max(_LEAST, round(_SEEN / len(frame))))
        if "backbone" not in settings:  # one that is named may have nothing to keep frozen
            keys["train"] = "top:2"
    elif language == "en" and "backbone" not in settings:
        keys["epochs"] = _LEAST
    recipe = load_whole(None, {**keys, **settings}, workspace)
    run = finetune(recipe, folder / "run", workspace=workspace, listen=listen)
    # Among a hundred questions of one matter none is the right one, so what 8 bits cost is told by questions that look
    # for their answer.
    held = judged if judged.texts else train
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

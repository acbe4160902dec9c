"""Further pre-training before fine-tuning: the backbone goes on learning to tell hidden words, on the dataset's texts.

After Gururangan et al. 2020, "Don't stop pretraining". It reads the training split and texts without labels, and
nothing that is held out. It is a pre-training like any other, in a folder within the run's, and knows nothing of
labels, seeds and heads: its outcome is kept in the cache by content, so that seeds, sweeps and tasks share it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from homefield.backbones.backbone import Backbone
from homefield.backbones.catalogue import BackboneSource
from homefield.backbones.encode import encode
from homefield.backbones.encoder import Encoder
from homefield.backbones.load import load
from homefield.backbones.own import read_output, write_own
from homefield.backbones.shelf import hold, new_entry
from homefield.errors import CallError
from homefield.events import Event
from homefield.files import new_folder, write_file
from homefield.train.assemble import further_texts, read_splits
from homefield.train.check import Checked
from homefield.train.defaults import choose_adapt_tokens, choose_max_length
from homefield.train.pretrain.pretrain import pretrain_within
from homefield.train.pretrain.recipe import FREE_KEYS, PretrainRecipe
from homefield.train.recipe import Recipe
from homefield.train.run import RunRecord
from homefield.train.surroundings import Surroundings
from homefield.workspace import Workspace

__all__ = ["ADAPTED", "adapt", "texts_to_read"]

ADAPTED = "adapted"
"""Folder within a run: the backbone it began with, kept until it is finished, since a cache may be cleared."""

_FORMAT = 1
_SHORTEST, _LONGEST = 64, 256  # tokens of a sequence; shorter texts share one
_LEAST = 16
_STEP = 4_096  # tokens, on any device: company records are few, and shall come to hundreds of steps
_HELD_OUT = 4_096  # tokens, by which it is told how well hidden words are told


def adapt(checked: Checked, workspace: Workspace, around: Surroundings) -> Checked:
    """`checked` with its backbone further pretrained; made now, or taken from the cache or the run's own folder.

    Raises:
        CallError: `adapt.too_little`, `adapt.diverged`.
        Interrupted: `adapt.interrupted`, after a checkpoint.
        RecordsError: as `read_unlabelled`.
    """
    began = time.perf_counter()
    folder = around.folder / ADAPTED
    if not folder.is_dir():
        _make(checked, folder, workspace, around, began)
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    around.record.update(adapted={key: value for key, value in told.items() if key != "format"})
    around.record.took("adapt", time.perf_counter() - began)
    facts = checked.source.facts
    name = f"{facts.name}+adapted"
    source = BackboneSource(checked.source.name, "folder", replace(facts, name=name), folder, checked.source.reason)
    recipe = checked.recipe
    chosen = {"backbone": checked.source.name} if recipe.backbone == "auto" else {}
    return replace(checked, recipe=recipe.model_copy(update=chosen), source=source)


def texts_to_read(checked: Checked) -> tuple[list[str], int]:
    """The texts of the training split, then those without labels that stand in no split; and how many these are."""
    texts, _, _ = read_splits(checked)
    further = further_texts(checked, texts)
    return [text for text in (*texts["train"], *further) if text], len(further)


def _make(checked: Checked, folder: Path, workspace: Workspace, around: Surroundings, began: float) -> None:
    ranks = around.ranks
    texts, further = texts_to_read(checked)
    backbone = cast("Encoder", load(checked.source))
    corpus = ("\n".join(texts) + "\n").encode("utf-8")
    recipe = _recipe(checked, backbone, texts, workspace)
    name = _name(backbone, corpus, recipe)
    entry = workspace.cache / "adapted" / name
    if ranks.first and (entry / "manifest.json").is_file():
        around.listen(Event("note", "adapt.reused", values={"backbone": checked.source.name}))
        _copy(entry, folder)
    ranks.wait()
    if folder.is_dir():
        return
    work = around.folder / "adapting" / name
    if not (work / "backbone").is_dir():
        with ranks.first_ahead():
            if not (work / "start").is_dir():
                # As it comes: no new characters, no n-grams, so that texts are read as before.
                output = {} if checked.source.path is None else read_output(checked.source.path)
                write_own(backbone, work / "start", weights="float32", output=output)
                write_file(work / "texts.txt", corpus)
        around.listen(Event("note", "adapt.begun", values={"texts": f"{len(texts):,}", "backbone": recipe.backbone}))
        nested = replace(around, folder=work, record=RunRecord(work, writes=ranks.first))
        pretrain_within(
            recipe.model_copy(update={"corpus": (str(work / "texts.txt"),)}),
            workspace,
            nested,
            began=began,
            area="adapt",
        )
    if ranks.first:
        _keep(work, entry, {**_told(checked, texts, further, work), "hash": name})
        _copy(entry, folder)
        shutil.rmtree(work.parent)
    ranks.wait()


def _recipe(checked: Checked, backbone: Backbone, texts: Sequence[str], workspace: Workspace) -> PretrainRecipe:
    """The pre-training as a recipe of its own. The run's seed is no part of it: its seeds share what comes of it."""
    given, facts = checked.recipe, checked.source.facts
    encoded = encode(texts, backbone.tokenizer, backbone.max_length, cache=workspace.cache)
    tokens = int(encoded.lengths.sum())
    wanted = max(_SHORTEST, choose_max_length(encoded.lengths, _LONGEST))
    length = min(wanted, backbone.max_length, tokens // 10)
    if length < _LEAST:
        raise CallError("adapt.too_little", tokens=tokens, least=10 * _LEAST)
    return PretrainRecipe(
        backbone=checked.source.name,
        name=f"{facts.name}+adapted",
        minutes=given.adapt_minutes,
        tokens=0.0 if given.adapt_minutes else _budget(given, tokens),
        length=length,
        long_length=length,
        long_share=0.0,
        step_tokens=_STEP,
        held_out=float(np.clip(_HELD_OUT / tokens, 0.005, 0.05)),
        evaluations=4,
        precision=given.precision,
        device=given.device,
        checkpoint_minutes=given.checkpoint_minutes,
        log_every=given.log_every,
        languages=facts.languages,
        licence=facts.licence,
        credits=facts.source,
    )


def _budget(given: Recipe, tokens: int) -> float:
    return float(choose_adapt_tokens(tokens)) if given.adapt_tokens == "auto" else given.adapt_tokens


def _name(backbone: Backbone, corpus: bytes, recipe: PretrainRecipe) -> str:
    """Of all that decides the outcome: the backbone's content and tokenizer, the texts, the recipe."""
    keys = recipe.model_dump(mode="json", exclude={*FREE_KEYS, "backbone"})
    digest = hashlib.sha256(json.dumps([_FORMAT, keys], sort_keys=True).encode())
    for part in (backbone.content_hash(backbone.layers), backbone.tokenizer.to_str()):
        digest.update(hashlib.sha256(part.encode()).digest())
    digest.update(corpus)
    return digest.hexdigest()[:32]


def _told(checked: Checked, texts: Sequence[str], further: int, work: Path) -> dict[str, Any]:
    """What is kept of how it was made."""
    origin = json.loads((work / "backbone" / "config.json").read_text(encoding="utf-8"))["origin"]
    # Of few texts too little is kept aside to measure anything.
    measured = origin.get("perplexity")
    return {
        "format": _FORMAT,
        "backbone": checked.source.name,
        "texts": len(texts) - further,
        "unlabelled": further,
        **{key: origin[key] for key in ("steps", "tokens")},
        "perplexity": measured,
    }


def _keep(work: Path, entry: Path, told: dict[str, Any]) -> None:
    if not (entry / "manifest.json").is_file():
        with new_entry(entry) as partial:
            shutil.copytree(work / "backbone", partial, dirs_exist_ok=True)
            write_file(partial / "manifest.json", json.dumps(told, indent=1))


def _copy(entry: Path, folder: Path) -> None:
    with hold(entry), new_folder(folder) as partial:
        shutil.copytree(entry, partial, ignore=shutil.ignore_patterns("lock"), dirs_exist_ok=True)

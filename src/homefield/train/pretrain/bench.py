"""From a recipe to everything the loop needs: tokenizer, packed corpus, network, arithmetic."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from tokenizers import Tokenizer

from homefield.backbones.encoder import Encoder, Shape
from homefield.backbones.facts import Facts
from homefield.backbones.own import read_own, write_own
from homefield.backbones.phrases import ORDERS, PhraseCounts, phrase_tables
from homefield.backbones.tokenizer import CORPUS_SPECIAL, corpus_tokenizer, read_tokenizer
from homefield.data.corpus import corpus_files, corpus_hash, passages
from homefield.errors import CallError
from homefield.events import Event, Listener
from homefield.train.assemble import arithmetic_for
from homefield.train.distributed import Ranks
from homefield.train.precision import Precision
from homefield.train.pretrain.masking import Masking
from homefield.train.pretrain.network import MaskedModel
from homefield.train.pretrain.pack import Packed, kept_tokenizer, pack, special_id
from homefield.train.pretrain.recipe import PretrainRecipe
from homefield.train.probe import Arithmetic, Probe, product_speed
from homefield.workspace import Workspace

__all__ = ["PretrainBench", "lay_out"]

_FORMAT = 1
_BLOCK = 2_000_000
# Tokens of a step, and of what goes through the network at once. On a processor parts of a step stay in its caches.
_STEP = {"cpu": 8_192, "cuda": 131_072}
_PART = {"cpu": 2_048, "cuda": 65_536}


@dataclass(frozen=True)
class PretrainBench:
    """All that a pre-training works with. `recipe` has no `auto` left. first: the token that opens every sequence.

    speed: of this machine's matrix products in the run's arithmetic, GFLOP/s.
    """

    recipe: PretrainRecipe
    model: MaskedModel
    packed: Packed
    masking: Masking
    first: int
    precision: Precision
    found: Probe
    speed: float


def lay_out(
    recipe: PretrainRecipe,
    folder: Path,
    workspace: Workspace,
    ranks: Ranks,
    listen: Listener,
    *,
    earlier: Arithmetic | None = None,
) -> PretrainBench:
    """Read, learn the tokenizer, pack, make the network; what was done before is taken from the cache or the run.

    folder: the run's. earlier: the arithmetic that a run to be resumed was started in.

    Raises:
        CallError: `pretrain.no_such_corpus`, `pretrain.empty_corpus`.
        RecordsError, MachineError: as `passages`.
    """
    files = corpus_files(recipe.corpus, Path.cwd())
    content = corpus_hash(files)
    found, precision = arithmetic_for(recipe.device, recipe.precision, ranks, earlier)
    start = folder / "start"
    tokenizer = read_tokenizer(start) if start.is_dir() else _tokenizer(recipe, files, content, workspace, listen)
    packed = pack(
        lambda: passages(files), content, tokenizer, share=recipe.held_out, cache=workspace.cache, listen=listen
    )
    if len(packed.learn) < 8 * max(recipe.length, recipe.long_length):
        raise CallError("pretrain.small_corpus", tokens=len(packed.learn), least=8 * recipe.long_length)
    recipe = _resolved(recipe, files, precision.device.type)
    if not start.is_dir():
        write_own(_fresh(recipe, tokenizer, packed, listen), start, weights="float32")
    backbone = read_own(start, _facts(recipe), tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = MaskedModel(backbone)
        model.initialise()
    masking = Masking(recipe.mask, special_id(tokenizer, "[MASK]"), len(CORPUS_SPECIAL), backbone.shape.vocabulary)
    first = special_id(tokenizer, "[CLS]")
    speed = product_speed(found, precision.arithmetic)
    return PretrainBench(recipe, model.to(precision.device), packed, masking, first, precision, found, speed)


def _tokenizer(
    recipe: PretrainRecipe, files: list[Path], content: str, workspace: Workspace, listen: Listener
) -> Tokenizer:
    identity = f"{_FORMAT} {content} {recipe.vocabulary} {recipe.pieces}"

    def make() -> Tokenizer:
        listen(Event("stage", "pretrain.stage_tokenizer"))
        return corpus_tokenizer(passages(files), vocabulary=recipe.vocabulary, pieces=recipe.pieces)

    return kept_tokenizer(workspace.cache, hashlib.sha256(identity.encode()).hexdigest()[:32], make)


def _resolved(recipe: PretrainRecipe, files: list[Path], device: str) -> PretrainRecipe:
    step = _STEP[device] if recipe.step_tokens == "auto" else recipe.step_tokens
    chosen: dict[str, object] = {
        "inner": 4 * recipe.width,
        "step_tokens": step,
        "part_tokens": min(step, _PART[device]),
        # 1e-3 suits 8,192 tokens a step and 384 numbers; a larger step bears more, a wider network less.
        "learning_rate": round(min(2e-3, 1e-3 * (step / 8192) ** 0.5 * (384 / recipe.width) ** 0.5), 6),
    }
    auto = {key: value for key, value in chosen.items() if getattr(recipe, key) == "auto"}
    return recipe.model_copy(update={**auto, "corpus": tuple(str(file.resolve()) for file in files)})


def _fresh(recipe: PretrainRecipe, tokenizer: Tokenizer, packed: Packed, listen: Listener) -> Encoder:
    """A network with random weights whose n-grams are the frequent ones of the corpus."""
    tables = None
    if recipe.grams:
        listen(Event("stage", "pretrain.stage_grams", total=len(packed.learn)))
        counts = PhraseCounts(_plain(tokenizer))
        done = 0
        for ids, begins in packed.learn.blocks(_BLOCK):
            counts.add(ids, begins)
            done += len(ids)
            listen(Event("advance", "pretrain.stage_grams", done=done, total=len(packed.learn)))
        kept = counts.most_frequent(recipe.grams)
        tables = phrase_tables(kept)
        sizes = ", ".join(f"{order}: {len(grams):,}" for order, grams in zip(ORDERS, kept, strict=True))
        listen(Event("note", "pretrain.grams_kept", values={"count": f"{len(tables[1]) - 1:,}", "sizes": sizes}))
    shape = Shape(
        vocabulary=tokenizer.get_vocab_size(),
        width=recipe.width,
        layers=recipe.layers,
        heads=recipe.heads,
        inner=cast("int", recipe.inner),
        positions=max(recipe.positions, recipe.length, recipe.long_length),
        types=0,
        eps=1e-5,
        norm="pre",
        grams=len(tables[1]) if tables and len(tables[1]) > 1 else 0,
        gram=recipe.gram,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        encoder = Encoder(_facts(recipe), tokenizer, shape)
        encoder.initialise()
        if encoder.phrases is not None and tables is not None:
            encoder.phrases.initialise(*tables)
    return encoder


def _facts(recipe: PretrainRecipe) -> Facts:
    return Facts(
        name=recipe.name,
        layers=recipe.layers,
        width=recipe.width,
        max_length=max(recipe.positions, recipe.length, recipe.long_length),
        languages=recipe.languages,
        licence=recipe.licence,
        source="homefield pretrain",
    )


def _plain(tokenizer: Tokenizer) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which tokens [V] are letters or numbers: n-grams are made of those."""
    plain = np.zeros(tokenizer.get_vocab_size(), np.bool_)
    for token, number in tokenizer.get_vocab().items():
        plain[number] = token not in CORPUS_SPECIAL and token.removeprefix("##").isalnum()
    return plain

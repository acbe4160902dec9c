"""From a recipe to everything the loop needs: tokenizer, packed corpus, network, arithmetic."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from homefield.backbones.catalogue import resolve
from homefield.backbones.encoder import Block, Encoder, Shape
from homefield.backbones.extend import extended, extended_tokenizer, missing_characters
from homefield.backbones.facts import Facts
from homefield.backbones.folder import facts_of_folder
from homefield.backbones.load import load
from homefield.backbones.own import read_output, read_own, write_own
from homefield.backbones.phrases import ORDERS, PhraseCounts, phrase_tables
from homefield.backbones.tokenizer import CORPUS_SPECIAL, corpus_tokenizer, read_tokenizer
from homefield.data.corpus import corpus_files, corpus_hash, passages
from homefield.data.translations import read_translations
from homefield.errors import CallError
from homefield.events import Event, Listener
from homefield.train.assemble import arithmetic_for
from homefield.train.distributed import Ranks
from homefield.train.precision import Precision
from homefield.train.pretrain.masking import Masking
from homefield.train.pretrain.network import MaskedModel
from homefield.train.pretrain.pack import Packed, kept_tokenizer, pack, special_id
from homefield.train.pretrain.recipe import PretrainRecipe
from homefield.train.pretrain.replaced import ReplacedModel
from homefield.train.pretrain.teaching import Teaching, teaching_from
from homefield.train.probe import Arithmetic, Probe, product_speed
from homefield.workspace import Workspace

__all__ = ["PretrainBench", "lay_out"]

_FORMAT = 2
_BLOCK = 2_000_000
# Tokens of a step, and of what goes through the network at once. On a processor parts of a step stay in its caches.
_STEP = {"cpu": 8_192, "cuda": 131_072}
_PART = {"cpu": 2_048, "cuda": 65_536}
# Of a small corpus more is held out than asked for, so that there is something to measure: so many sequences, unless
# that takes more than a tenth of it. What stands in few words would not be told apart from chance.
_HELD_SEQUENCES = 8
_MOST_HELD = 0.1


@dataclass(frozen=True)
class PretrainBench:
    """All that a pre-training works with. `recipe` has no `auto` left. first: the token that opens every sequence.

    speed: of this machine's matrix products in the run's arithmetic, GFLOP/s. teaching: where there is a teacher.
    """

    recipe: PretrainRecipe
    model: MaskedModel | ReplacedModel
    packed: Packed
    masking: Masking
    first: int
    precision: Precision
    found: Probe
    speed: float
    teaching: Teaching | None = None


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
        CallError: `pretrain.no_such_corpus`, `pretrain.empty_corpus`, `pretrain.small_corpus`, `pretrain.too_long`.
        RecordsError, MachineError: as `passages` and `read_translations`.
    """
    files = corpus_files(recipe.corpus, Path.cwd())
    content = corpus_hash(files)
    found, precision = arithmetic_for(recipe.device, recipe.precision, ranks, earlier)
    start = folder / "start"
    if not start.is_dir():
        beginning, output = _beginning(recipe, files, content, workspace, listen)
        write_own(beginning, start, weights="float32", output=output)
    backbone = read_own(start, facts_of_folder(start, name=recipe.name), read_tokenizer(start))
    tokenizer = backbone.tokenizer
    packed = _packed(recipe, files, content, tokenizer, workspace, listen)
    _tell_held_out(recipe, packed, listen)
    recipe = _resolved(recipe, backbone.shape, files, precision.device.type)
    longest = max(recipe.length, recipe.long_length)
    if longest > backbone.max_length:
        raise CallError("pretrain.too_long", length=longest, most=backbone.max_length)
    if len(packed.learn) < 8 * longest:
        raise CallError("pretrain.small_corpus", tokens=len(packed.learn), least=8 * longest)
    special = [special_id(tokenizer, token) for token in CORPUS_SPECIAL]
    masking = Masking(recipe.mask, special_id(tokenizer, "[MASK]"), max(special) + 1, backbone.shape.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = ReplacedModel(backbone) if recipe.objective == "replaced-token" else MaskedModel(backbone)
        model.initialise()
        if isinstance(model, MaskedModel):
            model.take_up(read_output(start))
        teaching = _teaching(recipe, backbone, precision, workspace, listen) if recipe.teacher else None
    first = special_id(tokenizer, "[CLS]")
    speed = product_speed(found, precision.arithmetic)
    model = model.to(precision.device)
    if precision.device.type == "cuda" and _can_compile():
        _compile_blocks(model)
    return PretrainBench(recipe, model, packed, masking, first, precision, found, speed, teaching)


def _tell_held_out(recipe: PretrainRecipe, packed: Packed, listen: Listener) -> None:
    """Say where more is held out than was asked for, and where nothing could be."""
    if not len(packed.measure):
        listen(Event("note", "pretrain.nothing_held_out", values={"passages": f"{packed.passages:,}"}))
    elif packed.share > recipe.held_out:
        shares = {"asked": f"{recipe.held_out:.1%}", "share": f"{packed.share:.1%}"}
        listen(Event("note", "pretrain.more_held_out", values=shares))


def _can_compile() -> bool:
    """Whether PyTorch finds what it makes GPU kernels with."""
    return find_spec("triton") is not None and any(map(shutil.which, ("cc", "gcc", "clang")))


def _compile_blocks(model: nn.Module) -> None:
    """Fuse what each block does between its matrix products: the blocks are alike, so one of them is compiled.

    On a processor it gained nothing, and the layers around the blocks pick tokens by value, which is no fixed shape.
    """
    for module in model.modules():
        if isinstance(module, Block):
            module.compile()


def _teaching(
    recipe: PretrainRecipe, student: Encoder, precision: Precision, workspace: Workspace, listen: Listener
) -> Teaching:
    """What the student learns from the teacher, named like any backbone."""
    teacher = load(resolve(recipe.teacher, workspace=workspace))
    pairs = read_translations(Path(recipe.pairs).expanduser())
    found = teaching_from(pairs, teacher, student, precision, workspace.cache, listen)
    values = {"rows": f"{len(found.rows):,}", "measured": f"{len(found.measured):,}", "teacher": recipe.teacher}
    listen(Event("note", "pretrain.taught_by", values=values))
    return found


def _beginning(
    recipe: PretrainRecipe, files: list[Path], content: str, workspace: Workspace, listen: Listener
) -> tuple[Encoder, dict[str, torch.Tensor]]:
    """The network before the first step: fresh, or another backbone with what it lacks for this corpus; and the layer
    that told hidden tokens, where that backbone kept it.

    Raises:
        CallError: `pretrain.not_an_encoder`, `backbones.cannot_extend`, or as `resolve`.
    """
    if not recipe.backbone:
        tokenizer = _tokenizer(recipe, files, content, workspace, listen)
        return _fresh(recipe, tokenizer, _packed(recipe, files, content, tokenizer, workspace, listen), listen), {}
    source = resolve(recipe.backbone, workspace=workspace)
    backbone = load(source)
    if not isinstance(backbone, Encoder):
        raise CallError("pretrain.not_an_encoder", name=recipe.backbone)
    listen(Event("stage", "pretrain.stage_characters"))
    # The seed of a new row is the run's: the same corpus and seed begin with the same network.
    added = missing_characters(backbone.tokenizer, passages(files), most=recipe.vocabulary)
    if added:
        values = {"count": f"{len(added):,}", "name": recipe.backbone}
        listen(Event("note", "pretrain.characters_added", values=values))
    tokenizer = extended_tokenizer(backbone.tokenizer, added)
    tables = None
    if recipe.grams and backbone.phrases is None:
        tables = _tables(recipe, tokenizer, _packed(recipe, files, content, tokenizer, workspace, listen), listen)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        made = extended(backbone, tokenizer, tables=tables, gram=recipe.gram)
    return made, {} if source.path is None else read_output(source.path)


def _packed(
    recipe: PretrainRecipe,
    files: list[Path],
    content: str,
    tokenizer: Tokenizer,
    workspace: Workspace,
    listen: Listener,
) -> Packed:
    """The corpus packed, with at least a few sequences held out where a tenth of it is enough for them."""

    def held(share: float) -> Packed:
        return pack(lambda: passages(files), content, tokenizer, share=share, cache=workspace.cache, listen=listen)

    packed = held(recipe.held_out)
    least = _HELD_SEQUENCES * recipe.length
    while len(packed.measure) < least and packed.share < _MOST_HELD:
        wanted = 1.2 * least / (len(packed.learn) + len(packed.measure))
        packed = held(min(_MOST_HELD, max(2 * packed.share, wanted)))
    return packed


def _tokenizer(
    recipe: PretrainRecipe, files: list[Path], content: str, workspace: Workspace, listen: Listener
) -> Tokenizer:
    identity = f"{_FORMAT} {content} {recipe.vocabulary} {recipe.pieces}"

    def make() -> Tokenizer:
        listen(Event("stage", "pretrain.stage_tokenizer"))
        return corpus_tokenizer(passages(files), vocabulary=recipe.vocabulary, pieces=recipe.pieces)

    return kept_tokenizer(workspace.cache, hashlib.sha256(identity.encode()).hexdigest()[:32], make)


def _resolved(recipe: PretrainRecipe, shape: Shape, files: list[Path], device: str) -> PretrainRecipe:
    """The recipe with what `auto` came to, and the shape that the network has, whoever chose it."""
    step = _STEP[device] if recipe.step_tokens == "auto" else recipe.step_tokens
    # 1e-3 suits 8,192 tokens a step and 384 numbers; a larger step bears more, a wider network and a trained one less.
    rate = min(2e-3, 1e-3 * (step / 8192) ** 0.5 * (384 / shape.width) ** 0.5) * (0.5 if recipe.backbone else 1.0)
    chosen = {"step_tokens": step, "part_tokens": min(step, _PART[device]), "learning_rate": round(rate, 6)}
    auto = {key: value for key, value in chosen.items() if getattr(recipe, key) == "auto"}
    known = {
        "layers": shape.layers,
        "width": shape.width,
        "heads": shape.heads,
        "inner": shape.inner,
        "corpus": tuple(str(file.resolve()) for file in files),
        "pairs": str(Path(recipe.pairs).expanduser().resolve()) if recipe.pairs else "",
    }
    return recipe.model_copy(update={**auto, **known})


def _tables(
    recipe: PretrainRecipe, tokenizer: Tokenizer, packed: Packed, listen: Listener
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The tables of the frequent n-grams of the corpus."""
    if not recipe.grams:
        return None
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
    return tables


def _fresh(recipe: PretrainRecipe, tokenizer: Tokenizer, packed: Packed, listen: Listener) -> Encoder:
    """A network with random weights whose n-grams are the frequent ones of the corpus."""
    tables = _tables(recipe, tokenizer, packed, listen)
    shape = Shape(
        vocabulary=tokenizer.get_vocab_size(),
        width=recipe.width,
        layers=recipe.layers,
        heads=recipe.heads,
        inner=4 * recipe.width if recipe.inner == "auto" else recipe.inner,
        # What stands further back than any sequence it learned from, it could not read.
        positions=max(recipe.length, recipe.long_length),
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
        max_length=max(recipe.length, recipe.long_length),
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

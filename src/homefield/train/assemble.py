"""From a checked recipe to everything the loop needs: the network, what it is fed, what it learns, in which numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor

from homefield.backbones.activations import ActivationCache, Filling, activation_cache
from homefield.backbones.backbone import Backbone
from homefield.backbones.encode import Encoded, encode
from homefield.backbones.layers import apply_how, layer_rates
from homefield.backbones.load import load
from homefield.data.augment import augment, parse_noise
from homefield.data.dataset import SPLITS, SplitName
from homefield.evaluate.pairs import PairRows, frame_rows
from homefield.events import Event, Listener
from homefield.tasks import Targets, Task
from homefield.train.batches import steps_per_epoch
from homefield.train.check import Checked
from homefield.train.defaults import (
    VIEW_DROPOUT,
    choose_average,
    choose_beside,
    choose_epochs,
    choose_head_start,
    choose_match_rates,
    choose_max_length,
    choose_rates,
    choose_smoothing,
    choose_tokens,
)
from homefield.train.distil import read_unlabelled, taught
from homefield.train.distributed import Ranks
from homefield.train.feed import Feed, StateFeed, TokenFeed
from homefield.train.network import Network, NetworkInfo
from homefield.train.optimiser import Trained
from homefield.train.precision import Precision
from homefield.train.probe import Arithmetic, Probe, choose_precision, probe
from homefield.train.recipe import Recipe
from homefield.train.run import TASKS, read_network
from homefield.workspace import Workspace

__all__ = ["Bench", "arithmetic_for", "assemble", "feed_splits", "further_texts", "read_splits", "trained_parts"]


@dataclass(frozen=True)
class Bench:
    """All that a task of a run works with. `recipe` has no `auto` left; `task` knows the training targets.

    pairs: of a task that gives vectors, by split; its feeds hold their distinct strings, its targets are empty.
    soft: of a run with a teacher, its outputs for the training texts `[N, C]`, those without labels last.
    name: the task's, where a run learns several, which share one backbone object.
    """

    recipe: Recipe
    task: Task
    network: Network
    feeds: dict[SplitName, Feed]
    targets: dict[SplitName, Targets]
    precision: Precision
    found: Probe
    pairs: dict[SplitName, PairRows] = field(default_factory=dict)
    soft: Tensor | None = None
    name: str = ""

    def folder(self, run: Path) -> Path:
        """Where what comes of this task lies, of a run in the folder `run`."""
        return run / TASKS / self.name if self.name else run


@dataclass(frozen=True)
class _Rows:
    """What one task learns from. forms: of each split its texts, of the training split also their noisy forms."""

    checked: Checked
    recipe: Recipe
    task: Task
    targets: dict[SplitName, Targets]
    pairs: dict[SplitName, PairRows]
    forms: dict[SplitName, list[list[str]]]


def assemble(
    several: Sequence[Checked],
    workspace: Workspace,
    stack: ExitStack,
    ranks: Ranks,
    listen: Listener,
    *,
    earlier: Arithmetic | None = None,
) -> list[Bench]:
    """Load, encode, freeze, cache, for each task. `stack` closes the caches when the run ends; `earlier` is the
    arithmetic that a run to be resumed was started in."""
    first = several[0]
    read = [_read(checked) for checked in several]
    if first.source.reason is not None:
        listen(Event("note", first.source.reason[0], values=first.source.reason[1]))
    started = read_network(Path(first.recipe.start).expanduser() / "weights") if first.recipe.start else None
    every = [text for texts, _, _ in read for text in texts["train"]]
    if started is None:
        backbone = load(first.source, tokenizer_texts=every, seed=first.recipe.seed)
    else:
        backbone = started.backbone
    found, precision = arithmetic_for(first.recipe.device, first.recipe.precision, ranks, earlier)
    rows = []
    for checked, (texts, targets, pairs) in zip(several, read, strict=True):
        recipe = _resolved(
            checked, backbone, texts["train"], len(every), _are_views(pairs), workspace, precision.device.type, listen
        )
        forms = {split: [each] for split, each in texts.items()}
        forms["train"] += _noisy(texts["train"], recipe)
        fitted = checked.task.fit(targets["train"]) if targets else checked.task
        rows.append(_Rows(checked, recipe, fitted, targets, pairs, forms))
    encoded = [_encoded(each, backbone, workspace) for each in rows]
    frozen_to = apply_how(backbone, first.how)
    backbone.dropout = first.recipe.dropout or (VIEW_DROPOUT if _are_views(rows[0].pairs) else 0.0)
    if first.recipe.vocabulary == "used":
        # The padding token is looked up too; without its row every batch would need a second look-up.
        used = np.unique(np.concatenate([variant.used_ids() for each in encoded for variant in each["train"]]))
        backbone.limit_vocabulary([backbone.pad_id, *used.tolist()])
    benches = []
    for each, numbers in zip(rows, encoded, strict=True):
        network = _network(each, backbone, frozen_to, started).to(precision.device)
        feeds = feed_splits(network, numbers, each.recipe, precision, workspace, stack, listen)
        if (variants := len(numbers["train"])) > 1:
            cached = "train.noise_cached" if isinstance(feeds["train"], StateFeed) else "train.noise_not_cached"
            listen(Event("note", cached, values={"variants": variants - 1}))
        plain = each.forms["train"][0]
        soft = taught(each.recipe, plain, precision, workspace.cache, listen) if each.recipe.teacher else None
        name = each.checked.name
        benches.append(
            Bench(each.recipe, each.task, network, feeds, each.targets, precision, found, each.pairs, soft, name)
        )
    return benches


def feed_splits(
    network: Network,
    encoded: dict[SplitName, list[Encoded]],
    recipe: Recipe,
    precision: Precision,
    workspace: Workspace,
    stack: ExitStack,
    listen: Listener,
) -> dict[SplitName, Feed]:
    """Each split's rows, as cached states where layers are frozen and there is room for them."""
    backbone, start = network.backbone, network.info.frozen_to
    feeds: dict[SplitName, Feed] = {}
    for split, variants in encoded.items():
        feeds[split] = TokenFeed(variants, backbone.pad_id)
        if start == 0 or not recipe.cache:
            continue
        # What decides temperatures and thresholds is computed exactly; what is learned from may be rounded.
        rounded = split == "train" and precision.arithmetic != "fp32"
        filling = Filling(precision.device.type, torch.bfloat16 if rounded else torch.float32)
        caches: list[ActivationCache] = []
        for variant in variants:
            made = activation_cache(
                backbone,
                variant,
                start,
                cache=workspace.cache,
                budget=workspace.settings.cache_budget_gb,
                filling=filling,
                listen=listen,
            )
            if made is None:
                break
            caches.append(stack.enter_context(made))
        if len(caches) == len(variants):
            feeds[split] = StateFeed(caches, [variant.lengths for variant in variants], start)
    return feeds


def trained_parts(benches: Sequence[Bench]) -> list[Trained]:
    """Every parameter that is trained, with its learning rate; biases and normalisations do not decay."""
    recipe = benches[0].recipe
    rate = cast("float", recipe.learning_rate)
    parts = []
    for layer in layer_rates(benches[0].network.backbone, decay=cast("float", recipe.layer_decay)):
        for name, parameter in layer.parameters:
            decay = recipe.weight_decay if parameter.dim() > 1 else 0.0
            parts.append(Trained(f"backbone.{name}", parameter, rate * layer.scale, decay))
    for bench in benches:
        head_rate, of = cast("float", bench.recipe.head_learning_rate), f"{bench.name}." if bench.name else ""
        for name, parameter in bench.network.head.named_parameters():
            decay = recipe.weight_decay if parameter.dim() > 1 else 0.0
            parts.append(Trained(f"head.{of}{name}", parameter, head_rate, decay))
    return parts


def _read(
    checked: Checked,
) -> tuple[dict[SplitName, list[str]], dict[SplitName, Targets], dict[SplitName, PairRows]]:
    texts, targets, pairs = read_splits(checked)
    if checked.recipe.teacher:
        texts["train"] = texts["train"] + further_texts(checked, texts)
    return texts, targets, pairs


def _encoded(rows: _Rows, backbone: Backbone, workspace: Workspace) -> dict[SplitName, list[Encoded]]:
    length = cast("int", rows.recipe.max_length)
    return {
        split: [encode(texts, backbone.tokenizer, length, cache=workspace.cache) for texts in several]
        for split, several in rows.forms.items()
    }


def _noisy(texts: Sequence[str], recipe: Recipe) -> list[list[str]]:
    """Noisy forms of the training texts: as many as the recipe says, but no more than there are epochs to see them."""
    shares = parse_noise(recipe.augment)
    count = min(recipe.augment_variants, cast("int", recipe.epochs) - 1)
    if not shares or count < 1:
        return []
    return [list(form) for form in zip(*augment(texts, shares=shares, variants=count, seed=recipe.seed), strict=True)]


def read_splits(
    checked: Checked,
) -> tuple[dict[SplitName, list[str]], dict[SplitName, Targets], dict[SplitName, PairRows]]:
    """Of each split with rows the texts, their targets, and for a task that gives vectors the pairs of texts."""
    dataset, labels = checked.dataset, checked.dataset.manifest.labels
    there = [split for split in SPLITS if dataset.rows(split)]
    if checked.task.output == "vector":
        pairs = {split: frame_rows(dataset.frame(split), noisy=split != "train") for split in there}
        return {split: each.strings for split, each in pairs.items()}, {}, pairs
    columns = {split: dataset.frame(split).select("text", "label") for split in there}
    texts = {split: frame["text"].to_list() for split, frame in columns.items()}
    return texts, {split: checked.task.targets(frame["label"], labels) for split, frame in columns.items()}, {}


def further_texts(checked: Checked, texts: Mapping[SplitName, Sequence[str]]) -> list[str]:
    """Texts without labels, none of which stands in any split."""
    known = [text for each in texts.values() for text in each]
    return read_unlabelled(checked.recipe, checked.dataset.manifest.options, known)


def _network(rows: _Rows, backbone: Backbone, frozen_to: int, started: Network | None) -> Network:
    """The backbone with a new head, or with that of the network that the run starts from."""
    recipe, fitted = rows.recipe, rows.task
    labels = rows.checked.dataset.manifest.labels if fitted.output != "vector" else ()
    length, dropout = cast("int", recipe.max_length), cast("float", recipe.head_dropout)
    info = NetworkInfo(fitted.name, fitted.output, labels, str(rows.checked.how), frozen_to, length, dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        head = fitted.head(backbone.width, fitted.size(labels), dropout)
    if started is not None:
        head.load_state_dict(started.head.state_dict())
    return Network(backbone, head, info)


def _are_views(pairs: Mapping[SplitName, PairRows]) -> bool:
    return "train" in pairs and pairs["train"].views


def _resolved(
    checked: Checked,
    backbone: Backbone,
    texts: Sequence[str],
    rows: int,
    views: bool,
    workspace: Workspace,
    device: str,
    listen: Listener,
) -> Recipe:
    """Without `auto`. rows: to learn from in an epoch, of all tasks."""
    recipe, facts = checked.recipe, backbone.facts
    vectors = checked.task.output == "vector"
    start = recipe.head_start
    if start == "auto" and (vectors or recipe.start):
        start = "random"  # vectors begin as the backbone's own, and a network to start from brings its head
    elif start == "auto":
        start = choose_head_start(facts, len(texts), checked.task.size(checked.dataset.manifest.labels))
    rates = choose_rates(facts, checked.how, fitted=start == "fitted")
    if vectors:
        rates = choose_match_rates(facts, checked.how, views=views)
    chosen: dict[str, object] = {
        "backbone": checked.source.name if recipe.backbone == "auto" else recipe.backbone,
        "learning_rate": rates.learning_rate,
        "head_learning_rate": rates.head_learning_rate,
        "layer_decay": rates.layer_decay,
        "head_dropout": rates.head_dropout,
        "head_start": start,
        "metric": checked.metric.name,
        "tokens": choose_tokens(device),
    }
    chosen["epochs"] = epochs = choose_epochs(facts, checked.how, rows, recipe.batch)
    steps = steps_per_epoch(rows, recipe.batch) * (epochs if recipe.epochs == "auto" else recipe.epochs)
    chosen |= {"average": choose_average(steps), "label_smoothing": choose_smoothing(checked.task.name)}
    languages = checked.dataset.manifest.languages
    chosen["beside"] = choose_beside(checked.task.name, facts, languages)
    if recipe.max_length == "auto":
        whole = encode(texts, backbone.tokenizer, backbone.max_length, cache=workspace.cache, listen=listen)
        chosen["max_length"] = choose_max_length(whole.lengths, backbone.max_length)
    return recipe.model_copy(update={key: v for key, v in chosen.items() if getattr(recipe, key) == "auto"})


def arithmetic_for(
    device: Literal["auto", "cpu", "cuda"],
    precision: Literal["auto", "fp32", "autocast", "bf16"],
    ranks: Ranks,
    earlier: Arithmetic | None,
) -> tuple[Probe, Precision]:
    """What this machine is and the arithmetic to use on it; `earlier`, that of a run to be resumed, stays."""
    wanted = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    kind: Literal["cpu", "cuda"] = "cuda" if wanted == "cuda" else "cpu"
    found = probe(kind)
    chosen = earlier or choose_precision(found)
    arithmetic: Arithmetic = chosen if precision == "auto" else precision
    if kind == "cuda":
        torch.cuda.set_device(ranks.local)
    return found, Precision(arithmetic, torch.device(kind, ranks.local) if kind == "cuda" else torch.device("cpu"))

"""Learning from a teacher: a network that was fine-tuned before says how sure it is of every answer.

Its outputs are softened by a temperature and learned beside the labels (Hinton, Vinyals & Dean 2015, "Distilling the
knowledge in a neural network"); texts without labels are learned from it alone. Of vectors it is learned how alike it
finds the texts of a step, which asks nothing of their width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from homefield.backbones.encode import encode
from homefield.data.clean import clean_text
from homefield.data.options import PrepareOptions
from homefield.data.read import read_records
from homefield.errors import RecordsError
from homefield.events import Event, Listener
from homefield.tasks import Output
from homefield.train.batches import Rows, cut_by_tokens
from homefield.train.defaults import tokens_to_look_at
from homefield.train.feed import TokenFeed
from homefield.train.network import Network
from homefield.train.precision import Precision
from homefield.train.recipe import Recipe
from homefield.train.run import read_network

__all__ = ["alike_loss", "read_unlabelled", "soft_loss", "soft_objective", "taught"]

Objective = Callable[[Rows, int], tuple[Tensor, Tensor]]


def read_unlabelled(recipe: Recipe, options: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    """The texts of the files `unlabelled`, cleaned as the dataset's, each once, without those `known`: what stands in
    the dataset is learned from already, or is held out.

    Raises:
        RecordsError: `train.no_texts`; as `homefield.data.read_records`.
    """
    mask = tuple(options.get("mask", PrepareOptions.mask))
    longest = int(options.get("max_characters", PrepareOptions.max_characters))
    seen = set(known)
    found: dict[str, None] = {}
    for file in recipe.unlabelled:
        for text in _texts_of(Path(file).expanduser()):
            cleaned = clean_text(text, mask=mask)
            if cleaned and len(cleaned) <= longest and cleaned not in seen:
                found[cleaned] = None
    return list(found)


def _texts_of(file: Path) -> Iterator[str]:
    try:
        for block in read_records([file], columns={}, on_fault=lambda *_: None):
            yield from block["text"].drop_nulls().to_list()
    except RecordsError as error:
        if error.code not in ("data.empty_file", "data.no_text"):
            raise
        raise RecordsError("train.no_texts", file=file) from error


def taught(recipe: Recipe, texts: Sequence[str], precision: Precision, workspace: Path, listen: Listener) -> Tensor:
    """The teacher's outputs for `texts`, `[N, C]` on the processor."""
    network = read_network(Path(recipe.teacher).expanduser() / "weights").to(precision.device)
    encoded = encode(texts, network.backbone.tokenizer, network.info.max_length, cache=workspace)
    feed = TokenFeed([encoded], network.backbone.pad_id)
    found = torch.empty(len(texts), network.outputs)
    done = 0
    listen(Event("stage", "train.stage_teacher", total=len(texts)))
    with torch.inference_mode():
        tokens = tokens_to_look_at(precision.device.type)
        for part in cut_by_tokens(np.arange(len(texts), dtype=np.int64), feed.lengths(0), tokens):
            logits, _ = feed.produce(network, part, 0, precision)
            found[torch.from_numpy(part)] = logits.float().cpu()
            done += len(part)
            listen(Event("advance", "train.stage_teacher", done=done, total=len(texts)))
    return found.clone()


def soft_loss(produced: Tensor, wanted: Tensor, output: Output, temperature: float, spread: float = 1.0) -> Tensor:
    """The sum over rows of how far outputs `[B, C]` are from the teacher's, by kind of output.

    `category`: T² times the Kullback-Leibler divergence of the two softmaxes at temperature T. `categories`: T² times
    the mean over labels of the cross-entropy with the teacher's sigmoids. `number`: the squared difference in units
    of `spread`.
    """
    produced = produced.float()
    if output == "category":
        likely = F.log_softmax(wanted / temperature, dim=1)
        said = F.log_softmax(produced / temperature, dim=1)
        return temperature**2 * F.kl_div(said, likely, reduction="sum", log_target=True)
    if output == "categories":
        chances = torch.sigmoid(wanted / temperature)
        cells = F.binary_cross_entropy_with_logits(produced / temperature, chances, reduction="sum")
        return temperature**2 * cells / produced.shape[1]
    return ((produced - wanted) / spread).square().sum()


def alike_loss(vectors: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """The mean over n texts of how far the vectors `[n, D]` order the other texts from how the teacher's `[n, W]` do:
    the Kullback-Leibler divergence of the two softmaxes over cosines, divided by `temperature`, with all other texts.

    After Fang et al. 2021 ("SEED: self-supervised distillation for visual representation"). Both of length 1.
    """
    own = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    said, likely = (
        F.log_softmax((each @ each.T / temperature).masked_fill(own, -1e4), dim=1) for each in (vectors, wanted)
    )
    return F.kl_div(said, likely, reduction="batchmean", log_target=True)


def soft_objective(
    network: Network,
    produce: Callable[[Rows, int], Tensor],
    loss: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    targets: NDArray[Any],
    soft: Tensor,
    recipe: Recipe,
    *,
    device: torch.device,
    spread: float,
) -> Objective:
    """The loop's objective: `soft` of the loss from the teacher's outputs `[N, C]`, the rest from `targets`, which the
    first rows have. produce: outputs of rows in an epoch. loss: the task's."""
    truth, output, count = torch.from_numpy(targets).to(device), network.info.output, len(targets)
    outputs = soft.to(device)

    def objective(rows: Rows, epoch: int) -> tuple[Tensor, Tensor]:
        logits = produce(rows, epoch)
        places = torch.from_numpy(rows).to(device)
        total = recipe.soft * soft_loss(logits, outputs[places], output, recipe.soft_temperature, spread)
        weight = recipe.soft * logits.new_tensor(float(len(rows)), dtype=torch.float32)
        labelled = places < count
        if recipe.soft < 1 and bool(labelled.any()):
            hard, of = loss(logits[labelled], truth[places[labelled]])
            total, weight = total + (1 - recipe.soft) * hard, weight + (1 - recipe.soft) * of
        return total, weight

    return objective

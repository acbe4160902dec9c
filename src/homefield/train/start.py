"""How a new head begins on a pretrained backbone: as the best one for the vectors that the backbone gives as it comes.

A random head sends random gradients into the backbone for its first hundred steps, and the features that came with it
are bent before they are used (Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform
out-of-distribution"). banking77, all of minilm-en, 4 epochs: 93.8 % on the test file against 92.9 with a random head,
and 91.1 % on validation after the first epoch against 87.9.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from homefield.tasks import Task
from homefield.train.batches import Rows, cut_by_tokens
from homefield.train.defaults import tokens_to_look_at
from homefield.train.distributed import Ranks
from homefield.train.feed import Feed
from homefield.train.network import Network
from homefield.train.optimiser import Optimiser, Trained
from homefield.train.precision import Masters, Precision
from homefield.train.recipe import Recipe

__all__ = ["fit_head"]

_ROWS, _PER_OUTPUT = 4_096, 32
_STEPS, _BATCH = 600, 512
# AdamW's rate for vectors of unit length; an update moves outputs in proportion to both.
_RATE = 0.1


def fit_head(
    network: Network, task: Task, feed: Feed, targets: Tensor, recipe: Recipe, precision: Precision, ranks: Ranks
) -> None:
    """Train the head alone on vectors of up to 4,096 rows of `feed` (32 for each output, if that is more).

    targets: of all rows of the feed. Every rank ends with the first one's head.
    """
    rows = _some(len(feed), task.size(network.info.labels))
    vectors = _vectors(network, feed, rows, precision).to(precision.device)
    truth = targets[torch.from_numpy(rows).to(targets.device)]
    _fit(network, task, vectors, truth, recipe)
    if ranks.size > 1:
        with torch.no_grad():
            weights = list(network.head.parameters())
            for weight in weights:
                weight.mul_(float(ranks.first))
            ranks.add([weight.data for weight in weights])


def _some(total: int, outputs: int) -> Rows:
    count = min(total, max(_ROWS, _PER_OUTPUT * outputs))
    return np.linspace(0, total - 1, count).astype(np.int64)  # rows lie in the order of their content's hash


def _vectors(network: Network, feed: Feed, rows: Rows, precision: Precision) -> Tensor:
    training = network.training
    network.eval()
    found = torch.empty(len(rows), network.backbone.width)
    with torch.inference_mode():
        for part in cut_by_tokens(
            np.arange(len(rows)), feed.lengths(0)[rows], tokens_to_look_at(precision.device.type)
        ):
            _, vectors = feed.produce(network, rows[part], 0, precision)
            found[torch.from_numpy(part)] = vectors.float().cpu()
    network.train(training)
    return found.clone()


def _fit(network: Network, task: Task, vectors: Tensor, targets: Tensor, recipe: Recipe) -> None:
    rate = _RATE / float(vectors.norm(dim=1).mean().clamp(min=1e-6))
    parts = [
        Trained(name, weight, rate, 0.01 if weight.dim() > 1 else 0.0)
        for name, weight in network.head.named_parameters()
    ]
    plain = recipe.model_copy(update={"optimizer": "adamw", "average": 0.0})
    optimiser = Optimiser(parts, Masters(None), plain)
    generator = torch.Generator().manual_seed(recipe.seed)
    network.head.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        for step in range(_STEPS):
            drawn = torch.randint(len(vectors), (min(_BATCH, len(vectors)),), generator=generator).to(vectors.device)
            loss, weight = task.loss(network.head(vectors[drawn]), targets[drawn])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.collect()
            optimiser.step(weight.detach().float(), 1 - step / _STEPS)

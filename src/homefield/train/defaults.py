"""What `auto` stands for, in one place: by backbone, way of training and number of rows.

Every number here is a starting point that was measured or published, with where beside it; recipes override them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homefield.backbones.facts import Facts
from homefield.backbones.how import How

__all__ = [
    "VIEW_DROPOUT",
    "Rates",
    "choose_adapt_tokens",
    "choose_average",
    "choose_beside",
    "choose_epochs",
    "choose_head_start",
    "choose_match_rates",
    "choose_max_length",
    "choose_rates",
    "choose_smoothing",
    "choose_tokens",
    "tokens_to_look_at",
]

VIEW_DROPOUT = 0.1
"""Of the backbone where a text's two views differ in nothing else (as in SimCSE)."""


_ENOUGH = 50  # rows for each output


@dataclass(frozen=True)
class Rates:
    """Chosen learning rates and what goes with them."""

    learning_rate: float
    head_learning_rate: float
    layer_decay: float
    head_dropout: float


def choose_rates(facts: Facts, how: How, *, fitted: bool = True) -> Rates:
    """Learning rates for AdamW with batches of 64. `fitted`: the head starts fitted to the backbone's vectors.

    `all`: the backbone's own, 2e-4 for `minilm-en`; a random head ten times that, a fitted one, which has less far to
    go, 2.5 times. Low-rank factors and adapters start near zero and bear five times as much (as in Hu et al. 2021).
    """
    if facts.fresh:
        return Rates(facts.learning_rate, facts.learning_rate, 1.0, 0.3)
    rate = facts.learning_rate
    head = (2.5 if fitted else 10) * rate
    if how.kind in ("lora", "adapter"):
        return Rates(5 * rate, head, 1.0, 0.1)
    if how.kind == "head":
        return Rates(rate, (10 if fitted else 50) * rate, 1.0, 0.0)
    if how.kind == "top":
        return Rates(2 * rate, head, 1.0, 0.1)
    return Rates(rate, head, 1.0, 0.1)


def choose_match_rates(facts: Facts, how: How, *, views: bool) -> Rates:
    """Learning rates for vectors: the head is a turn of the backbone's own space, and learns no faster than it.

    views: texts are seen twice and pulled together, where dropping out is what makes the two differ.
    """
    rates = choose_rates(facts, how)
    own = 5 * facts.learning_rate if how.kind == "head" else min(rates.learning_rate, facts.learning_rate)
    return replace(rates, head_learning_rate=own, head_dropout=0.1 if views else 0.0)


def choose_adapt_tokens(tokens: int) -> int:
    """What a backbone reads of texts of so many `tokens` before it is fine-tuned: all of it 20 times, at most 2 M."""
    return min(20 * tokens, max(tokens, 2_000_000))


def choose_head_start(facts: Facts, rows: int, outputs: int) -> Literal["fitted", "random"]:
    """Fitted, where there are rows enough that a fitted head has not learned each by heart.

    minilm-en, held-out rows: 93.5 % fitted and 92.9 random with 116 rows a class (banking77, all), 87.1 and 91.0 with
    13 (the sample's questions, top:2; means of three seeds).
    """
    return "fitted" if not facts.fresh and rows >= _ENOUGH * outputs else "random"


def choose_epochs(facts: Facts, how: How, rows: int, batch: int) -> int:
    """Enough for about 500 steps of a pretrained backbone, within bounds; more for fresh ones and for heads alone.

    minilm-en: four epochs of banking77 (140 steps each) are as good as eight, and of 6,900 finance tweets in three
    classes (107 steps) validation is best after two to four, whatever the rate and the dropout.
    """
    low, high = (8, 20) if facts.fresh or how.kind == "head" else (4, 12) if how.kind != "all" else (3, 8)
    wanted = round(500 * batch / max(1, rows))
    return min(high, max(low, wanted))


def choose_average(steps: int) -> float:
    """Decay of the average of the weights, so that it reaches back over about a twentieth of the run, at most 0.999.

    banking77, all of minilm-en, with 0.99 over 1,120 steps and smoothed labels: 92.9 to 93.2 % against 92.5 to 92.7.
    """
    return round(min(0.999, max(0.5, 1 - 20 / max(1, steps))), 4)


def choose_beside(task: str, facts: Facts, languages: Mapping[str, int]) -> Literal["ngrams", "none"]:
    """Whether n-grams are tried beside a network: where it cannot know the language well yet.

    languages: rows by language. minilm-en on English records gains nothing by them (finance tweets: accuracy 85.6 %
    with and without, macro-F1 80.3 % with and 80.9 % without).
    """
    if task not in ("classify", "multilabel"):
        return "none"
    english = 2 * languages.get("en", 0) > sum(languages.values())
    return "ngrams" if facts.fresh or not english else "none"


def choose_smoothing(task: str) -> float:
    """Label smoothing: a tenth where one of several classes is right (Szegedy et al. 2016), see `choose_average`."""
    return 0.1 if task == "classify" else 0.0


def choose_max_length(lengths: NDArray[np.int64], limit: int) -> int:
    """What covers 99.5 % of the training texts without a cut, rounded up to 8, within `limit` (all in tokens)."""
    if len(lengths) == 0:
        return limit
    covering = int(np.quantile(lengths, 0.995, method="higher"))
    return min(limit, max(8, -(-covering // 8) * 8))


def choose_tokens(device: str) -> int:
    """Most tokens that are learned from at once.

    On a processor what fits its caches is fastest: minilm-en, one core, rows/s at 512, 1,024, 2,048 tokens: 78, 86, 84.
    """
    return 2048 if device == "cpu" else 65536


def tokens_to_look_at(device: str) -> int:
    """Most tokens that are evaluated at once.

    minilm-en, fp32, one core, rows/s at 512, 1,024, 2,048, 4,096 and 16,384 tokens: 210, 198, 184, 153 and 80.
    """
    return 768 if device == "cpu" else 65536

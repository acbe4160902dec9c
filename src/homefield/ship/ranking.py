"""The parity gate of a model that gives vectors: it has to rank, and to place, as it did before it was quantised.

What is asked is of the splits that may decide something, train and validation; what is found stands among the others of
all splits, as it will in use. A handful of texts tells half a point from chance as little as a whole one, so where few
are asked for, the neighbours of every text have to stay too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.data.dataset import SPLITS, SplitName
from homefield.errors import Refused
from homefield.evaluate.alike import DROP
from homefield.evaluate.matching import match_ranks, pair_scores
from homefield.evaluate.metrics import auroc
from homefield.evaluate.pairs import PairRows, distinct, pair_rows
from homefield.evaluate.significance import paired_auc, paired_bootstrap, paired_difference
from homefield.ship.material import CHECKED, Material

__all__ = ["check_ranking", "ranked_material"]

Vectors = NDArray[np.float32]
FEW = 200  # texts with a partner, below which half a point is less than one of them
NEAREST = 10
# Loan-service questions, homefield-zh: 0.91 of the ten nearest stayed where MRR did (160 texts, 0.585 and 0.603), 0.835
# where it fell from 0.67 to 0.54 (113 pairs, the head alone); embeddings alone in 8 bits keep 0.98.
STAY = 0.87
_FURTHER = 2_000
_PLACED = 1_000


def ranked_material(material: Material) -> tuple[PairRows, list[str]]:
    """The pairs by which a run's forms are compared, at most 5,000 of validation and train (else of what there is), and
    at most 2,000 more candidates out of all splits.

    Raises:
        CallError: `ship.no_rows`.
    """
    every = {split: material.pairs(split) for split in SPLITS if material.dataset.rows(split)}
    asking: list[SplitName] = [split for split in ("validation", "train") if split in every] or [material.ranked]
    rows: list[tuple[str, str, bool]] = []
    for split in asking:
        pairs = every[split]
        for place in _spread(len(pairs), CHECKED - len(rows)):
            text, other, same = pairs.rows[place].tolist()
            rows.append((pairs.strings[text], pairs.strings[other], bool(same)))
    texts, others, same = zip(*rows, strict=True)
    merged = pair_rows(texts, others, same if every[asking[0]].labelled else None)
    known = set(merged.others)
    rest = [text for text in distinct(text for pairs in every.values() for text in pairs.others) if text not in known]
    return merged, [rest[place] for place in _spread(len(rest), _FURTHER)]


def check_ranking(trained: Vectors, served: Vectors, pairs: PairRows, further: Sequence[str] = ()) -> dict[str, Any]:
    """Compare MRR and R@1 (without texts to look for, AUC) before and after quantising: each may drop by 0.5 points, by
    more only where that can be chance; and where few texts are looked for, 87 % of each one's ten nearest have to stay.

    trained, served: vectors `[n + F, D]` of the strings of `pairs` and of `further` candidates.

    Raises:
        Refused: `ship.parity_ranking`, naming the metric and both values; `ship.parity_neighbours`.
    """
    count = len(pairs.strings)
    ranks = [match_ranks(pairs, found[:count], further, found[count:]).ranks for found in (trained, served)]
    scores = [pair_scores(found[:count], pairs) for found in (trained, served)]
    asked = len(ranks[0])
    names = ("mrr", "recall_1") if asked else ("auc",)
    reached = {name: [_reached(name, *both, pairs.same) for both in zip(ranks, scores, strict=True)] for name in names}
    for name, (before, after) in reached.items():
        if before - after > DROP + 1e-12 and not _is_chance(name, ranks, scores, pairs.same):
            raise Refused(
                "ship.parity_ranking",
                metric=name,
                before=f"{before:.4f}",
                after=f"{after:.4f}",
                drop=f"{100 * (before - after):.2f}",
                allowed=f"{100 * DROP:.2g}",
                rows=asked or len(pairs),
            )
    stayed = _stayed(trained, served)
    if asked < FEW and stayed < STAY:
        raise Refused(
            "ship.parity_neighbours",
            stayed=f"{stayed:.0%}",
            least=f"{STAY:.0%}",
            nearest=NEAREST,
            texts=min(len(trained), _PLACED),
        )
    before, after = reached[names[0]]
    return {
        "metric": names[0],
        "trained": before,
        "served": after,
        "drop": before - after,
        "rows": asked or len(pairs),
        "cosine": float(np.einsum("nd,nd->n", trained.astype(np.float64), served).min()) if len(trained) else 1.0,
        "neighbours": stayed,
    }


def _reached(name: str, ranks: NDArray[np.int64], scores: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    if name == "auc":
        return auroc(scores, same) or 0.0
    return float((ranks == 1).mean() if name == "recall_1" else (1 / ranks).mean())


def _is_chance(
    name: str, ranks: Sequence[NDArray[np.int64]], scores: Sequence[NDArray[np.float64]], same: NDArray[np.bool_]
) -> bool:
    """Whether the 95 % interval of what was lost holds zero."""
    before, after = ranks
    if name == "auc":
        return paired_auc(scores[0], scores[1], same).low <= 0
    if name == "recall_1":
        return paired_difference(before == 1, after == 1).low <= 0
    return paired_bootstrap((1 / before)[:, None], (1 / after)[:, None], lambda means: means[:, 0]).low <= 0


def _stayed(trained: Vectors, served: Vectors) -> float:
    """The share of the ten texts nearest to each, of at most 1,000 texts, that are so before and after."""
    places = _spread(len(trained), _PLACED)
    nearest = min(NEAREST, len(places) - 1)
    if nearest < 1:
        return 1.0
    both = [_nearest(found[places], nearest) for found in (trained, served)]
    return float(np.mean([np.isin(one, other).mean() for one, other in zip(*both, strict=True)]))


def _nearest(vectors: Vectors, count: int) -> NDArray[np.int64]:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argpartition(-cosines, count - 1, axis=1)[:, :count]


def _spread(rows: int, most: int) -> NDArray[np.int64]:
    """At most `most` of `rows` places, evenly spaced."""
    return np.linspace(0, rows - 1, max(0, min(rows, most))).astype(np.int64)

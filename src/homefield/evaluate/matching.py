"""How good vectors are at finding and telling apart: ranks, same or different, and what counted words reach.

A cosine becomes the probability that two texts are the same by one curve, fitted on held-out pairs; what is said, how
surely, and from where on it is automatic all follow from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from homefield.evaluate.assessment import Measured, Standing, Tested, plain, standing
from homefield.evaluate.calibration import Bin, reliability
from homefield.evaluate.intervals import Interval, bootstrap, wilson
from homefield.evaluate.metrics import auroc
from homefield.evaluate.pairs import PairRows
from homefield.evaluate.retrieval import RIVALS, Counted, fit_bm25, fit_tfidf
from homefield.evaluate.risk import RiskThreshold
from homefield.evaluate.search import RANKS, Ranked, Search, rank, ranking_numbers, vector_scores
from homefield.evaluate.significance import Difference, paired_auc, paired_bootstrap

__all__ = [
    "MatchAssessment", "Miss", "SameCurve", "assess_match", "best_threshold", "calibration_pairs", "fit_same",
    "match_difference", "match_numbers", "match_ranks", "metric_for", "pair_scores", "rank_vectors",
]  # fmt: skip

FEWEST_QUERIES = 30
MISSES = 40
_STEPS = (1, 2, 4, 6, 11, 21, 51, 101, 1001)


@dataclass(frozen=True)
class SameCurve:
    """P(same | cosine s) = 1 / (1 + exp(-(slope s + offset)))."""

    slope: float
    offset: float

    def __call__(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probabilities `[N]` of cosines `[N]`."""
        return np.asarray(expit(self.slope * np.asarray(scores, dtype=np.float64) + self.offset))

    @property
    def threshold(self) -> float:
        """The cosine at which same and different are equally likely."""
        return -self.offset / self.slope

    def as_json(self) -> dict[str, float]:
        """As one JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Miss:
    """A text whose partner was not found first: where it stood, and what stood above it, with the cosines."""

    text: str
    right: str
    found: str
    rank: int
    right_score: float
    found_score: float


@dataclass(frozen=True)
class MatchAssessment:
    """What `assess_match` found; plain data.

    metric: `mrr`, or `auc` where hardly any text has a partner. rivals: numbers of TF-IDF and BM25 on the same rows.
    rival: which of them the difference is to, the better one. histogram: (from rank, queries) up to the next.
    curve: None without pairs to fit it on. bins: its reliability on labelled pairs. risk, tested: the threshold for
    the first candidate and how it did here. views: the rows asked are noisy forms of texts, since there are no pairs.
    """

    metric: str
    rows: int
    split: str
    labelled: bool
    views: bool
    model: Measured
    rivals: Mapping[str, Measured]
    rival: str | None
    difference: Difference | None
    histogram: tuple[tuple[int, int], ...]
    misses: tuple[Miss, ...]
    curve: SameCurve | None
    bins: tuple[Bin, ...]
    risk: RiskThreshold | None
    tested: Tested | None
    output: str = "vector"

    @property
    def headline(self) -> float:
        """The metric that decides; NaN where it has no meaning."""
        value = self.model.numbers[self.metric]
        return math.nan if value is None else float(value)

    @property
    def interval(self) -> Interval:
        """The headline's 95 % interval."""
        return self.model.intervals.get(self.metric, (math.nan, math.nan))

    @property
    def verdict(self) -> Standing | None:
        """Against the better of the two rivals."""
        return standing(self.difference)

    def as_json(self) -> dict[str, Any]:
        """One JSON object; what is not finite is None."""
        more = {"verdict": self.verdict, "headline": self.headline, "interval": self.interval}
        found = plain({**asdict(self), **more})
        assert isinstance(found, dict)
        return found


def metric_for(pairs: PairRows) -> str:
    """The number to choose weights by: MRR, or AUC where texts with a partner are too few to rank by."""
    partners = np.unique(pairs.rows[pairs.same, 0])
    return "auc" if pairs.labelled and len(partners) < FEWEST_QUERIES and not pairs.same.all() else "mrr"


def pair_scores(vectors: NDArray[np.floating], pairs: PairRows) -> NDArray[np.float64]:
    """The cosine of every pair `[N]`; vectors `[n, D]` of length 1, one a string."""
    left, right = (np.asarray(vectors[pairs.rows[:, side]], dtype=np.float64) for side in (0, 1))
    return np.asarray(np.einsum("nd,nd->n", left, right))


def best_threshold(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> float:
    """The score from which on calling pairs the same makes fewest errors."""
    order = np.argsort(-scores, kind="stable")
    ordered, gains = scores[order], np.where(same[order], 1, -1)
    right = np.append(0, np.cumsum(gains))
    # Between two different scores; not among equal ones.
    allowed = np.append(True, np.append(ordered[1:] < ordered[:-1], True))
    best = int(np.where(allowed, right, -len(scores) - 1).argmax())
    if best == 0:
        return float(ordered[0]) + 1e-6 if len(ordered) else 0.0
    return float((ordered[best - 1] + ordered[best]) / 2) if best < len(ordered) else float(ordered[-1]) - 1e-6


def same_numbers(scores: NDArray[np.floating], same: NDArray[np.bool_], threshold: float | None) -> dict[str, Any]:
    """AUC, and accuracy at `threshold` (the best one on these very pairs when None)."""
    if len(scores) == 0 or same.all() or not same.any():
        return {"auc": None, "accuracy": None}
    cut = best_threshold(scores, same) if threshold is None else threshold
    return {"auc": auroc(scores, same), "accuracy": float(((scores >= cut) == same).mean())}


def match_numbers(
    vectors: NDArray[np.floating], pairs: PairRows, threshold: float | None = None
) -> dict[str, float | int | None]:
    """R@k, MRR, AUC and accuracy of vectors `[n, D]` (length 1, one a string) among the pairs' own candidates.

    `loss` is the mean over queries of log(1 + exp((best wrong - right) / 0.05)); without queries 1 - AUC.
    """
    search = Search.of(pairs)
    places = {text: place for place, text in enumerate(pairs.strings)}
    asked = vectors[[places[text] for text in search.queries]] if len(search) else vectors[:0]
    ranked = rank(search, vector_scores(asked, vectors[pairs.others_places]))
    numbers = ranking_numbers(ranked.ranks, len(search.candidates))
    if pairs.labelled:
        numbers |= same_numbers(pair_scores(vectors, pairs), pairs.same, threshold)
    gaps = np.clip((ranked.wrong_scores - ranked.right_scores).astype(np.float64) / 0.05, -50.0, 50.0)
    numbers["loss"] = float(np.logaddexp(0.0, gaps).mean()) if len(gaps) else 1.0 - (numbers.get("auc") or 0.0)
    return numbers


def fit_same(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> SameCurve | None:
    """The curve from cosines to probabilities (Platt 1999, with his smoothed targets); None without both kinds.

    The slope stays above zero: a higher cosine never makes two texts less likely the same.
    """
    yes, no = int(same.sum()), int((~same).sum())
    if yes == 0 or no == 0:
        return None
    wanted = np.where(same, (yes + 1) / (yes + 2), 1 / (no + 2))
    values = np.asarray(scores, dtype=np.float64)

    def loss(found: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope = math.exp(found[0])
        reached = slope * values + found[1]
        off = (expit(reached) - wanted) / len(values)
        value = float((np.logaddexp(0.0, reached) - wanted * reached).mean()) + 1e-4 * found[0] ** 2
        return value, np.array([slope * float(off @ values) + 2e-4 * found[0], float(off.sum())])

    start = np.array([math.log(10.0), -10.0 * float(values.mean())])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-3.0, 7.0), (None, None)]).x
    return SameCurve(float(math.exp(found[0])), float(found[1]))


def calibration_pairs(
    pairs: PairRows, vectors: NDArray[np.floating], ranked: Ranked
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores `[M]` to fit the curve on, and which are of the same: the labelled pairs, or, where all pairs are the
    same, each query's own partner beside the wrong candidate nearest to it."""
    if pairs.labelled and not pairs.same.all() and pairs.same.any():
        return pair_scores(vectors, pairs), pairs.same
    there = ranked.wrong >= 0
    scores = np.concatenate([ranked.right_scores, ranked.wrong_scores[there]]).astype(np.float64)
    return scores, np.arange(len(scores)) < len(ranked.right_scores)


def assess_match(
    pairs: PairRows,
    vectors: NDArray[np.floating],
    *,
    further: Sequence[str] = (),
    further_vectors: NDArray[np.floating] | None = None,
    training: Sequence[str] | None = None,
    curve: SameCurve | None = None,
    threshold: float | None = None,
    risk: RiskThreshold | None = None,
    split: str = "test",
    seed: int = 0,
) -> MatchAssessment:
    """Assess vectors on held-out pairs.

    Args:
        pairs: the rows to judge by.
        vectors: `[n, D]` of length 1, of their strings.
        further: more candidates beside the others of `pairs`, with their vectors.
        further_vectors: `[F, D]`.
        training: texts that the rivals count pieces in, beside the candidates; None leaves the rivals out.
        curve: from cosine to probability, as fitted on other rows.
        threshold: cosine from which two texts are called the same, as fitted on other rows.
        risk: the threshold for automatic answers, as bought on other rows.
        split: what the rows are called.
        seed: of resampling.
    """
    search = Search.of(pairs, further)
    ranked = rank_vectors(search, pairs, vectors, further, further_vectors)
    scores = pair_scores(vectors, pairs)
    model = _measured(search, ranked.ranks, pairs, scores, threshold, seed)
    metric = "mrr" if len(search) and metric_for(pairs) == "mrr" else "auc" if pairs.labelled else "mrr"
    rivals, theirs = _rivals(search, pairs, training, seed)
    rival = max(rivals, key=lambda name: rivals[name].numbers[metric] or 0.0, default=None)
    difference = None
    if rival is not None and model.numbers[metric] is not None:
        difference = match_difference(metric, pairs, (ranked.reciprocal, scores), theirs[rival], seed=seed)
    sure = None if curve is None or not pairs.labelled else curve(scores)
    tested = None
    if risk is not None and curve is not None and len(search):
        first = np.maximum(ranked.right_scores, ranked.wrong_scores)
        tested = Tested.of(curve(first) >= risk.threshold, ranked.ranks == 1)
    return MatchAssessment(
        metric=metric,
        rows=len(pairs),
        split=split,
        labelled=pairs.labelled,
        views=pairs.views,
        model=model,
        rivals=rivals,
        rival=rival,
        difference=difference,
        histogram=_histogram(ranked.ranks),
        misses=tuple(_misses(search, ranked)),
        curve=curve,
        bins=() if sure is None else tuple(reliability(np.maximum(sure, 1 - sure), (sure >= 0.5) == pairs.same)),
        risk=risk,
        tested=tested,
    )


def match_difference(
    metric: str,
    pairs: PairRows,
    first: tuple[NDArray[np.float64], NDArray[np.float64]],
    second: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    seed: int = 0,
) -> Difference:
    """The paired difference in `metric`, first less second; of each the reciprocal ranks `[Q]` and the scores of the
    pairs `[N]`. MRR is resampled by queries, AUC by pairs."""
    if metric == "auc":
        return paired_auc(first[1], second[1], pairs.same, seed=seed)
    return paired_bootstrap(first[0][:, None], second[0][:, None], _mean, seed=seed)


def match_ranks(
    pairs: PairRows,
    vectors: NDArray[np.floating],
    further: Sequence[str] = (),
    further_vectors: NDArray[np.floating] | None = None,
) -> Ranked:
    """Where the right candidate of every text with a partner stands; see `assess_match` for the arguments."""
    return rank_vectors(Search.of(pairs, further), pairs, vectors, further, further_vectors)


def rank_vectors(
    search: Search,
    pairs: PairRows,
    vectors: NDArray[np.floating],
    further: Sequence[str] = (),
    further_vectors: NDArray[np.floating] | None = None,
) -> Ranked:
    """Rank the candidates of a search that was made of `pairs` and `further`, by their vectors."""
    places = {text: place for place, text in enumerate(pairs.strings)}
    beyond = {text: place for place, text in enumerate(further)}
    own = len(pairs.others)
    stored = np.asarray(vectors[pairs.others_places], dtype=np.float32)
    if len(search.candidates) > own:
        assert further_vectors is not None
        added = [beyond[text] for text in search.candidates[own:]]
        stored = np.concatenate([stored, np.asarray(further_vectors[added], dtype=np.float32)])
    asked = np.asarray(vectors[[places[text] for text in search.queries]] if len(search) else vectors[:0])
    return rank(search, vector_scores(asked, stored))


def _measured(
    search: Search,
    ranks: NDArray[np.int64],
    pairs: PairRows,
    scores: NDArray[np.float64],
    threshold: float | None,
    seed: int,
) -> Measured:
    numbers: dict[str, Any] = {"rows": len(pairs), **ranking_numbers(ranks, len(search.candidates))}
    intervals: dict[str, Interval] = {}
    if len(ranks):
        intervals["mrr"] = bootstrap(1.0 / ranks, seed=seed)
        intervals |= {f"recall_{most}": wilson(int((ranks <= most).sum()), len(ranks)) for most in RANKS}
    if pairs.labelled:
        numbers |= same_numbers(scores, pairs.same, threshold)
        if numbers["auc"] is not None:
            intervals["auc"] = _auc_interval(numbers["auc"], int(pairs.same.sum()), int((~pairs.same).sum()))
    return Measured(numbers, intervals)


def _auc_interval(area: float, yes: int, no: int) -> Interval:
    """The 95 % interval of an area under the curve (Hanley & McNeil 1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (yes - 1) * (one - area**2) + (no - 1) * (two - area**2)
    half = 1.96 * math.sqrt(max(spread, 0.0) / (yes * no))
    return max(0.0, area - half), min(1.0, area + half)


def _rivals(
    search: Search, pairs: PairRows, training: Sequence[str] | None, seed: int
) -> tuple[dict[str, Measured], dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]]:
    """Numbers of TF-IDF and BM25; and of each the reciprocal ranks and the scores of the pairs."""
    if training is None:
        return {}, {}
    counted = list(dict.fromkeys([*search.candidates, *training]))
    found: dict[str, Measured] = {}
    answers: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    texts, others = ([pairs.strings[place] for place in pairs.rows[:, side]] for side in (0, 1))
    for name, fit in zip(RIVALS, (fit_tfidf, fit_bm25), strict=True):
        rival: Counted = fit(counted)
        ranked, scores = rival.rank(search), rival.pairs(texts, others)
        found[name] = _measured(search, ranked.ranks, pairs, scores, None, seed)
        answers[name] = ranked.reciprocal, scores
    return found, answers


def _histogram(ranks: NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    counts = np.histogram(ranks, bins=[*_STEPS, np.iinfo(np.int64).max])[0]
    return tuple((start, int(rows)) for start, rows in zip(_STEPS, counts, strict=True))


def _misses(search: Search, ranked: Ranked) -> list[Miss]:
    """The surest first: where a wrong candidate lies farthest above the right one."""
    gaps = ranked.wrong_scores - ranked.right_scores
    wrong = np.flatnonzero((ranked.ranks > 1) & (ranked.wrong >= 0))
    return [
        Miss(
            search.queries[row],
            search.candidates[int(search.right[row][0])],
            search.candidates[int(ranked.wrong[row])],
            int(ranked.ranks[row]),
            float(ranked.right_scores[row]),
            float(ranked.wrong_scores[row]),
        )
        for row in wrong[np.argsort(-gaps[wrong], kind="stable")[:MISSES]].tolist()
    ]


def _mean(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return means[:, 0]

"""What a model that gives vectors needs beside its network: the texts it finds, and what a cosine means.

Everything is fitted on the vectors of the quantised network. The curve and the threshold come from validation, the risk
budget alone from the calibration split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from homefield.bundle import BundleDraft, BundleManifest
from homefield.data.dataset import SPLITS, Dataset, SplitName
from homefield.evaluate.matching import (
    SameCurve,
    assess_match,
    best_threshold,
    calibration_pairs,
    fit_same,
    match_ranks,
)
from homefield.evaluate.pairs import PairRows, frame_rows
from homefield.evaluate.risk import risk_threshold
from homefield.evaluate.search import Ranked
from homefield.events import Event, Listener, silent
from homefield.serve import Predictor
from homefield.serve.predictor import CHUNK
from homefield.ship.decisions import DELTA
from homefield.ship.evidence import principal_axes
from homefield.ship.material import Material

__all__ = ["served_ranks", "settle_match"]

_HELD_OUT: tuple[SplitName, ...] = ("validation", "calibration", "test")
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class _Served:
    """The pairs of every split with rows and the served vectors of their strings."""

    pairs: dict[SplitName, PairRows]
    vectors: dict[SplitName, Vectors]

    def further(self, split: SplitName) -> tuple[list[str], Vectors]:
        """The candidates of the other splits and their vectors."""
        found: dict[str, NDArray[np.float32]] = {}
        for name, pairs in self.pairs.items():
            if name != split:
                for text, place in zip(pairs.others, pairs.others_places.tolist(), strict=True):
                    found.setdefault(text, self.vectors[name][place])
        width = next(iter(self.vectors.values())).shape[1]
        return list(found), np.stack(list(found.values())) if found else np.empty((0, width), np.float32)


def settle_match(
    draft: BundleDraft,
    predictor: Predictor,
    material: Material,
    *,
    risk: float | None,
    evidence: int,
    listen: Listener = silent,
) -> BundleManifest:
    """The manifest with all that is decided by; the texts to be found go into the draft.

    predictor: the int8 form. risk: highest share of wrong automatic answers. evidence: texts kept at most.
    """
    pairs = {split: material.pairs(split) for split in SPLITS if material.dataset.rows(split)}
    served = _serve(predictor, pairs, listen)
    manifest = replace(predictor.manifest, match=_fitted(served), metrics={})
    if evidence > 0:
        kept, total = _keep(draft, served, evidence)
        manifest = replace(manifest, evidence={"rows": kept, "of": total})
    curve = _curve(manifest)
    if risk is not None:
        manifest = _buy(manifest, served, risk)
    metrics: dict[str, Any] = {}
    for split in _HELD_OUT:
        if split in served.pairs:
            further, beyond = served.further(split)
            found = assess_match(
                served.pairs[split],
                served.vectors[split],
                further=further,
                further_vectors=beyond,
                curve=curve,
                threshold=manifest.match.get("threshold"),
                split=split,
            )
            numbers = dict(found.model.numbers)
            metrics[split] = {**numbers, "headline": found.metric, "interval": list(found.interval)}
    return replace(manifest, metrics=metrics)


def served_ranks(predictor: Predictor, dataset: Dataset, split: SplitName) -> Ranked:
    """Where the served vectors rank the partners of a split's texts, among the others of all splits."""
    pairs = {each: frame_rows(dataset.frame(each), noisy=each != "train") for each in SPLITS if dataset.rows(each)}
    served = _serve(predictor, pairs, silent)
    return match_ranks(pairs[split], served.vectors[split], *served.further(split))


def _serve(predictor: Predictor, pairs: dict[SplitName, PairRows], listen: Listener) -> _Served:
    total, done = sum(len(each.strings) for each in pairs.values()), 0
    listen(Event("stage", "ship.stage_decisions", total=total))
    vectors: dict[SplitName, Vectors] = {}
    for split, each in pairs.items():
        pieces = []
        for start in range(0, len(each.strings), CHUNK):
            pieces.append(predictor.outputs(each.strings[start : start + CHUNK]).logits)
            done += len(pieces[-1])
            listen(Event("advance", "ship.stage_decisions", done=done, total=total))
        vectors[split] = np.concatenate(pieces)
    return _Served(pairs, vectors)


def _fitted(served: _Served) -> dict[str, Any]:
    """Slope and offset of the curve, the cosine from which texts are called the same, and whether labels said so."""
    facts: dict[str, Any] = {"views": any(each.views for each in served.pairs.values())}
    if "validation" not in served.pairs:
        return facts
    pairs, vectors = served.pairs["validation"], served.vectors["validation"]
    further, beyond = served.further("validation")
    ranked = match_ranks(pairs, vectors, further, beyond)
    scores, same = calibration_pairs(pairs, vectors, ranked)
    curve = fit_same(scores, same)
    if curve is None:
        return facts
    told = bool(pairs.labelled and not pairs.same.all() and pairs.same.any())
    return {**facts, **curve.as_json(), "threshold": best_threshold(scores, same), "labelled": told}


def _curve(manifest: BundleManifest) -> SameCurve | None:
    values = manifest.match
    return SameCurve(values["slope"], values["offset"]) if "slope" in values else None


def _buy(manifest: BundleManifest, served: _Served, risk: float) -> BundleManifest:
    """The thresholds a risk budget buys on the calibration split: for the first candidate, and for pairs with labels.

    Without calibration rows, or without a curve, nothing may be automatic.
    """
    curve, none = _curve(manifest), np.empty(0)
    first, right, sure, told = none, none.astype(bool), none, none.astype(bool)
    if curve is not None and "calibration" in served.pairs:
        pairs, vectors = served.pairs["calibration"], served.vectors["calibration"]
        further, beyond = served.further("calibration")
        ranked = match_ranks(pairs, vectors, further, beyond)
        first, right = curve(np.maximum(ranked.right_scores, ranked.wrong_scores)), ranked.ranks == 1
        if manifest.match.get("labelled"):
            chances = curve(np.einsum("nd,nd->n", vectors[pairs.rows[:, 0]], vectors[pairs.rows[:, 1]]))
            sure, told = np.maximum(chances, 1 - chances), (chances >= 0.5) == pairs.same
    bought = _bought(first, right, risk)
    match = {**manifest.match, "pair_risk": _bought(sure, told, risk)} if len(sure) else manifest.match
    return replace(manifest, thresholds=replace(manifest.thresholds, risk=bought), match=match)


def _bought(sure: NDArray[np.float64], right: NDArray[np.bool_], risk: float) -> dict[str, Any]:
    found = risk_threshold(sure, right, risk=risk, delta=DELTA).as_json()
    return {**found, "rows": len(sure)}


def _keep(draft: BundleDraft, served: _Served, most: int) -> tuple[int, int]:
    """Put the distinct others into the draft, those of train first; how many, of how many."""
    found: dict[str, tuple[str, NDArray[np.float32]]] = {}
    for split, pairs in served.pairs.items():
        for place in pairs.others_places.tolist():
            found.setdefault(pairs.strings[place], (pairs.names[place], served.vectors[split][place]))
    texts = list(found)[:most]
    where = [found[text][0].rpartition(":") for text in texts]
    vectors = np.stack([found[text][1] for text in texts])
    rows = pl.DataFrame(
        {
            "text": texts,
            "label": [""] * len(texts),
            "source": [source for source, _, _ in where],
            "row": [int(row) for _, _, row in where],
        }
    )
    draft.write_evidence(rows, vectors.astype(np.float16), principal_axes(vectors))
    return len(texts), len(found)

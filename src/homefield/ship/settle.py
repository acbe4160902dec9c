"""What the served network says of the dataset becomes what the model needs to decide: thresholds, evidence, scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from homefield.bundle import BundleDraft, BundleManifest
from homefield.data.dataset import SplitName
from homefield.serve import Predictor
from homefield.ship.decisions import Truth, buy_risk, calibrate, fit_strange
from homefield.ship.evidence import evidence_rows, kept_places
from homefield.ship.material import Material
from homefield.ship.scores import scores

__all__ = ["settle"]

_HELD_OUT: tuple[SplitName, ...] = ("validation", "calibration", "test")
_FITTED = 50_000  # training rows the unknown score is fitted on at most


def settle(
    draft: BundleDraft, predictor: Predictor, material: Material, *, risk: float | None, evidence: int
) -> BundleManifest:
    """The manifest with all that is decided by; training rows and the unknown score go into the draft.

    predictor: the int8 form. risk: highest share of wrong automatic answers. evidence: training rows kept at most.
    """
    manifest = predictor.manifest
    train = material.rows("train")
    some = train.at(kept_places(train.frame["label"], max(evidence, _FITTED)))
    vectors = predictor.outputs(some.texts).vectors
    truths = {}
    for split in _HELD_OUT:
        rows = material.rows(split)
        truths[split] = Truth(predictor.outputs(rows.texts), rows.targets)
    unknown = fit_strange(manifest, vectors, some.targets, truths["validation"])
    if unknown is not None:
        draft.write_unknown(unknown.arrays)
    if evidence > 0:
        kept = kept_places(some.frame["label"], evidence)
        draft.write_evidence(evidence_rows(material.dataset, some.frame[kept]), vectors[kept].astype(np.float16))
        manifest = replace(manifest, evidence={"rows": len(kept), "of": len(train)})
    manifest = calibrate(manifest, truths["validation"], truths["calibration"], unknown=unknown is not None)
    if risk is not None:
        manifest = buy_risk(manifest, truths["calibration"], unknown, risk=risk)
    return replace(manifest, metrics={split: scores(truth, manifest) for split, truth in truths.items() if len(truth)})

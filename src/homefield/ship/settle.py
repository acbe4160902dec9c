"""What the served network says of the dataset becomes what the model needs to decide: thresholds, evidence, scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from homefield.bundle import BundleDraft, BundleManifest
from homefield.data.dataset import SplitName
from homefield.events import Event, Listener, silent
from homefield.serve import Outputs, Predictor
from homefield.serve.predictor import CHUNK
from homefield.ship.decisions import Truth, buy_risk, calibrate, fit_strange, unknown_arrays
from homefield.ship.evidence import evidence_rows, kept_places, principal_axes
from homefield.ship.material import Material
from homefield.ship.scores import scores

__all__ = ["settle"]

_HELD_OUT: tuple[SplitName, ...] = ("validation", "calibration", "test")
_FITTED = 50_000  # training rows the unknown score is fitted on at most


def settle(
    draft: BundleDraft,
    predictor: Predictor,
    material: Material,
    *,
    risk: float | None,
    evidence: int,
    listen: Listener = silent,
) -> BundleManifest:
    """The manifest with all that is decided by; training rows and the unknown score go into the draft.

    predictor: the int8 form. risk: highest share of wrong automatic answers. evidence: training rows kept at most.
    """
    manifest = predictor.manifest
    train = material.rows("train")
    some = train.at(kept_places(train.frame["label"], max(evidence, _FITTED)))
    held_out = {split: material.rows(split) for split in _HELD_OUT}
    asked = [some, *held_out.values()]
    served = _serve(predictor, [rows.texts for rows in asked], listen)
    vectors = served[0].vectors
    truths = {
        split: Truth(outputs, rows.targets) for (split, rows), outputs in zip(held_out.items(), served[1:], strict=True)
    }
    unknown = fit_strange(manifest, vectors, some.targets, truths["validation"])
    if unknown is not None:
        draft.write_unknown(unknown_arrays(unknown))
    if evidence > 0:
        kept = kept_places(some.frame["label"], evidence)
        shown = evidence_rows(material.dataset, some.frame[kept])
        draft.write_evidence(shown, vectors[kept].astype(np.float16), principal_axes(vectors[kept]))
        manifest = replace(manifest, evidence={"rows": len(kept), "of": len(train)})
    manifest = calibrate(manifest, truths["validation"], truths["calibration"], unknown=unknown is not None)
    if risk is not None:
        manifest = buy_risk(manifest, truths["calibration"], unknown, risk=risk)
    return replace(manifest, metrics={split: scores(truth, manifest) for split, truth in truths.items() if len(truth)})


def _serve(predictor: Predictor, asked: Sequence[Sequence[str]], listen: Listener) -> list[Outputs]:
    """The served outputs of several lists of texts."""
    total, done = sum(map(len, asked)), 0
    listen(Event("stage", "ship.stage_decisions", total=total))
    found = []
    for texts in asked:
        pieces = []
        for start in range(0, max(1, len(texts)), CHUNK):
            pieces.append(predictor.outputs(texts[start : start + CHUNK]))
            done += len(pieces[-1].logits)
            listen(Event("advance", "ship.stage_decisions", done=done, total=total))
        faults = {place + CHUNK * at: why for at, piece in enumerate(pieces) for place, why in piece.faults.items()}
        logits, vectors = (
            np.concatenate(parts) for parts in zip(*((p.logits, p.vectors) for p in pieces), strict=True)
        )
        found.append(Outputs(logits, vectors, faults))
    return found

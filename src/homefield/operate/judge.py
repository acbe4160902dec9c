"""Judge a model on records with the right answers: its numbers, what it must beat, and another model on the same rows.

What is judged is what is served: the quantised network, with the calibration and the thresholds it was shipped with.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.bundle import BundleManifest, open_bundle
from homefield.errors import CallError
from homefield.evaluate.assess import answered, assess
from homefield.evaluate.assessment import Assessment, Measured, Standing, Tested, plain, standing
from homefield.evaluate.baselines import Baseline, tfidf_linear
from homefield.evaluate.calibration import Output, probabilities
from homefield.evaluate.headline import compare, contributions
from homefield.evaluate.report import ReportData, write_report
from homefield.evaluate.risk import RiskThreshold
from homefield.evaluate.scored import Scored, TrainingRows
from homefield.evaluate.significance import Difference
from homefield.events import Event, Listener, silent
from homefield.messages import Language
from homefield.operate.labelled import Labelled, read_labelled, targets_of
from homefield.serve import Predictor

__all__ = ["Against", "Verdict", "judge"]

CHUNK = 1_024
MOST_VECTORS = 100_000  # rows whose vectors are kept for the nearest training rows; of more, texts are compared
MARGIN = 0.005


@dataclass(frozen=True)
class Against:
    """Another model on the same rows. difference: the judged model less this one."""

    model: str
    measured: Measured
    difference: Difference

    @property
    def verdict(self) -> Standing:
        """The judged model is `better`, `worse`, or neither is proven."""
        found = standing(self.difference)
        assert found is not None
        return found

    def not_worse(self, margin: float = MARGIN) -> bool:
        """Whether the judged model is at most `margin` worse, with 95 % certainty."""
        return self.difference.low > -margin


@dataclass(frozen=True)
class Verdict:
    """What was found. skipped: rows not judged, by reason. seconds: stage -> seconds."""

    model: str
    file: str
    assessment: Assessment
    skipped: Mapping[str, int]
    against: Against | None
    seconds: Mapping[str, float]
    manifest: BundleManifest

    @property
    def worse(self) -> bool:
        """Whether the answer is no: the other model is proven better on these rows."""
        return self.against is not None and self.against.verdict == "worse"

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        against = None
        if self.against is not None:
            against = {
                "model": self.against.model,
                "numbers": plain(self.against.measured.numbers),
                "intervals": plain(self.against.measured.intervals),
                "difference": plain(self.against.difference.as_json()),
                "verdict": self.against.verdict,
                "not_worse": self.against.not_worse(),
            }
        return {
            "model": self.model,
            "file": self.file,
            "rows": self.assessment.rows,
            "skipped": dict(self.skipped),
            "seconds": dict(self.seconds),
            "assessment": self.assessment.as_json(),
            "against": against,
        }

    def write_report(self, path: Path, *, language: Language | None = None) -> None:
        """Write `report.html` to `path`, and the same numbers beside it as JSON.

        Raises:
            MachineError: the disk is full or may not be written.
        """
        rows = {"file": self.file, "rows": {"judged": self.assessment.rows, **self.skipped}}
        model = {"model": self.model, "backbone": self.manifest.backbone.get("name"), "train": self.manifest.how}
        made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        data = ReportData(self.model, self.assessment, dataset=rows, recipe=model, seconds=self.seconds, created=made)
        write_report(path, data, language=language)


def judge(
    model: Path,
    file: Path,
    *,
    columns: Mapping[str, str] | None = None,
    against: Path | None = None,
    threads: int | None = None,
    listen: Listener = silent,
) -> Verdict:
    """Judge the model in the folder `model` on the records in `file`.

    The baseline is fitted on the training rows that the model carries as evidence (at most 50,000).

    Args:
        model: a model folder.
        file: records with text and label.
        columns: role -> column name; roles not named are guessed.
        against: another model folder, judged on the same rows.
        threads: of the networks.
        listen: is told what happens.

    Raises:
        RecordsError: the records cannot be read, or have no text or label.
        CallError: `judge.labels` (no label of the file is known to the model), `judge.outputs` (the two models put out
            different kinds of answers); as `open_bundle`.
        Tampered: as `open_bundle`.
    """
    predictor = Predictor(open_bundle(model), threads=threads)
    rival = None if against is None else Predictor(open_bundle(against), threads=threads)
    manifest = predictor.manifest
    if rival is not None and rival.manifest.output != manifest.output:
        raise CallError("judge.outputs", first=manifest.output, second=rival.manifest.output, against=against)
    rows = read_labelled(file, columns=columns or {}, output=manifest.output, listen=listen)
    _check_labels(rows, manifest, file)
    clock = _Clock()
    served = _serve(predictor, rows, listen)
    clock.took("score")
    training, baseline = _baseline(predictor, served.labels, listen)
    clock.took("baseline")
    found = assess(
        served.scored,
        output=manifest.output,
        labels=served.labels,
        training=training,
        baseline=baseline,
        temperature=manifest.temperature,
        thresholds=served.thresholds,
        promise=_promise(manifest),
        split="file",
    )
    if found.risk is not None:
        chances = probabilities(served.scored.logits, manifest.output, manifest.temperature)
        right = answered(
            chances, served.scored.targets, manifest.output, served.labels, np.asarray(served.thresholds or 0.5)
        ).right
        found = replace(found, tested=Tested.of(served.automatic, right))
    beside = None if rival is None else _against(served, rival, manifest, rows, listen)
    clock.took("assess")
    return Verdict(predictor.title, file.name, found, rows.skipped, beside, clock.seconds, manifest)


@dataclass(frozen=True)
class _Served:
    """What a model gave for all rows; labels and thresholds with a further one where sets hold unknown labels."""

    scored: Scored
    automatic: NDArray[np.bool_]
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]

    def rows(self, manifest: BundleManifest) -> NDArray[np.float64]:
        chances = probabilities(self.scored.logits, manifest.output, manifest.temperature)
        return contributions(chances, self.scored.targets, manifest.output, np.asarray(self.thresholds or 0.5))


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def took(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 3)
        self._last = now


def _serve(predictor: Predictor, rows: Labelled, listen: Listener) -> _Served:
    manifest = predictor.manifest
    targets = targets_of(rows.labels, manifest.output, manifest.labels)
    further = targets.ndim == 2 and targets.shape[1] > len(manifest.labels)
    width = 1 if manifest.output == "number" else len(manifest.labels) + further
    logits = np.full((len(rows), width), -np.inf, dtype=np.float32)
    keep = len(rows) <= MOST_VECTORS
    vectors = np.empty((len(rows) if keep else 0, manifest.width), dtype=np.float16)
    automatic = np.zeros(len(rows), dtype=np.bool_)
    listen(Event("stage", "judge.answering", total=len(rows), values={"model": predictor.title}))
    for start in range(0, len(rows), CHUNK):
        part = slice(start, min(len(rows), start + CHUNK))
        outputs = predictor.outputs(rows.texts[part])
        logits[part, : outputs.logits.shape[1]] = outputs.logits
        if keep:
            vectors[part] = outputs.vectors
        automatic[part] = predictor.decider.automatic(predictor.judge(outputs))
        automatic[[start + place for place in outputs.faults]] = False
        listen(Event("advance", "judge.answering", part.stop, len(rows), {"model": predictor.title}))
    labels, thresholds = manifest.labels, manifest.thresholds.labels
    if further:
        labels, thresholds = (*labels, "?"), (*(thresholds or (0.5,) * len(manifest.labels)), 0.5)
    scored = Scored(
        logits=logits,
        targets=targets,
        texts=rows.texts,
        vectors=vectors if keep else None,
        languages=rows.languages,
        places=rows.places,
        written=None if manifest.output == "number" else rows.written,
    )
    return _Served(scored, automatic, labels, thresholds)


def _baseline(
    predictor: Predictor, labels: tuple[str, ...], listen: Listener
) -> tuple[TrainingRows | None, Baseline | None]:
    manifest = predictor.manifest
    frame = predictor.bundle.evidence_rows()
    if len(frame) == 0:
        return None, None
    listen(Event("stage", "judge.baseline", values={"rows": len(frame)}))
    texts = frame["text"].to_list()
    targets = _evidence_targets(frame["label"].to_list(), manifest.output, labels)
    training = TrainingRows(texts, targets, predictor.bundle.evidence_vectors())
    if manifest.output == "category" and len(np.unique(targets)) < 2:
        return training, None
    return training, tfidf_linear(texts, targets, manifest.output, max(1, len(labels)))


def _evidence_targets(written: list[Any], output: Output, labels: tuple[str, ...]) -> NDArray[Any]:
    """Evidence keeps each label as one text; several are joined by commas, which a label may hold itself."""
    if output == "number":
        return np.array([float(one) for one in written])
    if output == "category":
        return targets_of([str(one) for one in written], output, labels)
    known = set(labels)
    return targets_of([_parted(str(one), known) for one in written], output, labels)


def _parted(written: str, known: set[str]) -> list[str]:
    found, pending = [], ""
    for part in written.split(", "):
        pending = f"{pending}, {part}" if pending else part
        if pending in known:
            found.append(pending)
            pending = ""
    return found


def _promise(manifest: BundleManifest) -> RiskThreshold | float | None:
    if manifest.output == "number":
        return manifest.interval.get("half_width")
    return None if manifest.thresholds.risk is None else RiskThreshold.of(manifest.thresholds.risk)


def _against(served: _Served, rival: Predictor, manifest: BundleManifest, rows: Labelled, listen: Listener) -> Against:
    other = _serve(rival, rows, listen)
    theirs = rival.manifest
    chances = probabilities(other.scored.logits, theirs.output, theirs.temperature)
    found = answered(chances, other.scored.targets, theirs.output, other.labels, np.asarray(other.thresholds or 0.5))
    return Against(rival.title, found.measured, compare(served.rows(manifest), found.rows, manifest.output))


def _check_labels(rows: Labelled, manifest: BundleManifest, file: Path) -> None:
    if manifest.output == "number":
        return
    there = {name for one in rows.labels for name in (one if isinstance(one, list) else [one])}
    if there and not there & set(manifest.labels):
        some = sorted(there)[:3]
        raise CallError(
            "judge.labels", file=file, found=", ".join(some), expected=", ".join(manifest.labels[:3])
        )  # fmt: skip

"""Everything worth knowing about a model on rows with the truth, as one object ready for JSON and for the report.

assessment = assess(test, output="category", labels=labels, validation=validation, calibration=calibration,
                    training=training, baseline=tfidf_linear(...))
write_report(folder / "report.html", ReportData("My model", assessment))
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.evaluate.answers import Answers, answer, correct
from homefield.evaluate.assessment import Assessment, Measured, Tested
from homefield.evaluate.baselines import Baseline, majority
from homefield.evaluate.calibration import Output, fit_temperature, probabilities, reliability
from homefield.evaluate.conformal import half_width
from homefield.evaluate.headline import compare, contributions, f1_macro_interval, headline_interval
from homefield.evaluate.intervals import Interval
from homefield.evaluate.mending import ClassRow, mending
from homefield.evaluate.metrics import HEADLINE, confusion_counts, measure
from homefield.evaluate.mistakes import confused_pairs, mistakes
from homefield.evaluate.risk import RiskPoint, RiskThreshold, risk_curve, risk_threshold
from homefield.evaluate.scored import Scored, TrainingRows
from homefield.evaluate.slices import slices
from homefield.evaluate.thresholds import tune_thresholds

__all__ = ["Answered", "answered", "assess"]

MISS = 0.1
DOTS = 600


@dataclass(frozen=True)
class Answered:
    """A model's answers to rows with the truth: what it said, which is right `[N]`, what each row contributes to the
    headline metric `[N, K]`, and the numbers."""

    answers: Answers
    right: NDArray[np.bool_]
    rows: NDArray[np.float64]
    measured: Measured

    @property
    def curve(self) -> tuple[RiskPoint, ...]:
        """Error rate against automatic rate; of no meaning for numbers."""
        return tuple(risk_curve(self.answers.confidence, self.right))


def answered(
    chances: NDArray[np.floating],
    targets: NDArray[Any],
    output: Output,
    labels: Sequence[str],
    thresholds: float | NDArray[np.floating] = 0.5,
    seed: int = 0,
) -> Answered:
    """Measure calibrated probabilities `[N, C]`, or numbers `[N, 1]`, against the truth."""
    targets = np.asarray(targets)
    answers = answer(chances, output, thresholds)
    rows = contributions(chances, targets, output, thresholds)
    intervals: dict[str, Interval] = {HEADLINE[output]: headline_interval(rows, output, seed)}
    if output == "category" and len(targets):
        intervals["f1_macro"] = f1_macro_interval(answers.predicted, targets, len(labels), seed)
    measured = Measured(measure(chances, targets, output, labels, thresholds), intervals)
    return Answered(answers, correct(answers.predicted, targets, output), rows, measured)


def assess(
    test: Scored,
    *,
    output: Output,
    labels: Sequence[str] = (),
    validation: Scored | None = None,
    calibration: Scored | None = None,
    training: TrainingRows | None = None,
    baseline: Baseline | None = None,
    temperature: float | None = None,
    thresholds: Sequence[float] | None = None,
    promise: RiskThreshold | float | None = None,
    risk: float = 0.02,
    delta: float = 0.05,
    split: str = "test",
    seed: int = 0,
) -> Assessment:
    """Assess a model's outputs.

    Args:
        test: the rows to judge by.
        output: the kind of output.
        labels: the classes' names, in the order of the outputs; none for numbers.
        validation: where temperature and label thresholds are fitted when not given.
        calibration: where the risk threshold, or a number's interval, comes from.
        training: for the majority, class sizes and the nearest training rows.
        baseline: the fitted n-gram model, asked for the same rows.
        temperature: as shipped; fitted on validation when None, 1 without validation.
        thresholds: of the labels, as shipped; tuned on validation when None, 0.5 without validation.
        promise: as shipped, when there are no calibration rows: the risk threshold, or a number's half width.
        risk: the highest rate of wrong automatic answers.
        delta: the chance that the promise of the threshold fails.
        split: what the rows are called.
        seed: of resampling.
    """
    case = _Case(output, tuple(labels), split, seed)
    if temperature is None:
        temperature = 1.0 if validation is None else fit_temperature(validation.logits, validation.targets, output)
    if thresholds is None:
        thresholds = _thresholds(validation, output, len(labels), temperature)
    model = case.answered(test, temperature, thresholds)
    if promise is None and calibration is not None and len(calibration):
        held = case.answered(calibration, temperature, thresholds)
        promise = _promised(held, calibration, output, risk, delta)
    rival = None if baseline is None else _rival(baseline, test, validation, case)
    return _assembled(case, test, training, model, rival, baseline, promise, temperature, thresholds)


@dataclass(frozen=True)
class _Case:
    """What is the same for every model that is assessed on the rows."""

    output: Output
    labels: tuple[str, ...]
    split: str
    seed: int

    def answered(self, scored: Scored, temperature: float, thresholds: Sequence[float]) -> Answered:
        chances = probabilities(scored.logits, self.output, temperature)
        cut = np.asarray(thresholds if len(thresholds) else 0.5)
        return answered(chances, scored.targets, self.output, self.labels, cut, self.seed)


def _assembled(
    case: _Case,
    test: Scored,
    training: TrainingRows | None,
    model: Answered,
    rival: Answered | None,
    baseline: Baseline | None,
    promise: RiskThreshold | float | None,
    temperature: float,
    thresholds: Sequence[float],
) -> Assessment:
    output, labels = case.output, case.labels
    number = output == "number"
    targets, predicted = np.asarray(test.targets), model.answers.predicted
    measured = model.measured
    difference = compare(model.rows, rival.rows, output, case.seed) if rival is not None and len(test) else None
    said = None if rival is None else rival.answers.predicted
    pairs = confused_pairs(predicted, targets, labels) if output == "category" else []
    worst = mistakes(test, model.answers, output, labels, training=training, baseline=said)
    classes = _classes(measured.numbers, training, output)
    parts = slices(model.rows, output, test.texts, test.languages, case.seed)
    shown, interval = [] if number else parts, measured.intervals[HEADLINE[output]]
    advice = mending(len(test), measured.numbers, interval, difference, pairs, worst, classes, shown)
    return Assessment(
        output=output,
        metric=HEADLINE[output],
        labels=labels,
        rows=len(test),
        split=case.split,
        model=measured,
        majority=_majority(training, test, output, labels),
        baseline=None if rival is None else rival.measured,
        baseline_rows=None if baseline is None else baseline.rows,
        baseline_given=None if baseline is None else baseline.given,
        difference=difference,
        temperature=temperature,
        thresholds=tuple(float(one) for one in thresholds),
        bins=() if number else tuple(reliability(model.answers.confidence, model.right)),
        risk=promise if isinstance(promise, RiskThreshold) else None,
        tested=_tested(promise, model, test),
        half_width=promise if isinstance(promise, float) else None,
        curve=() if number else model.curve,
        baseline_curve=() if number or rival is None else rival.curve,
        confusion=tuple(confusion_counts(predicted, targets)) if output == "category" else (),
        pairs=tuple(pairs),
        mistakes=tuple(worst),
        classes=classes,
        slices=tuple(parts),
        mend=tuple(advice),
        dots=_dots(predicted, targets) if number else (),
    )


def _rival(baseline: Baseline, test: Scored, validation: Scored | None, case: _Case) -> Answered:
    cut: NDArray[np.float64] | float = 0.5
    if case.output == "categories" and validation is not None and len(validation):
        cut = tune_thresholds(baseline.scores(validation.texts), validation.targets)
    return answered(baseline.scores(test.texts), test.targets, case.output, case.labels, cut, case.seed)


def _majority(training: TrainingRows | None, test: Scored, output: Output, labels: Sequence[str]) -> Measured | None:
    if training is None or len(training.texts) == 0:
        return None
    shares = majority(training.targets, output, max(1, len(labels)))
    chances = np.broadcast_to(shares, (len(test), len(shares)))
    return Measured(measure(chances, test.targets, output, labels), {})


def _thresholds(validation: Scored | None, output: Output, size: int, temperature: float) -> Sequence[float]:
    if output != "categories":
        return ()
    if validation is None or len(validation) == 0:
        return (0.5,) * size
    tuned = tune_thresholds(probabilities(validation.logits, output, temperature), validation.targets)
    return tuple(float(one) for one in tuned)


def _promised(
    held: Answered, calibration: Scored, output: Output, risk: float, delta: float
) -> RiskThreshold | float | None:
    if output != "number":
        return risk_threshold(held.answers.confidence, held.right, risk=risk, delta=delta)
    wide = half_width(_off(held, calibration), MISS)
    return wide if math.isfinite(wide) else None


def _tested(promise: RiskThreshold | float | None, model: Answered, test: Scored) -> Tested | None:
    if promise is None:
        return None
    if isinstance(promise, float):
        return Tested.of(np.ones(len(test), dtype=np.bool_), np.abs(_off(model, test)) <= promise)
    return Tested.of(model.answers.confidence >= promise.threshold, model.right)


def _off(found: Answered, scored: Scored) -> NDArray[np.float64]:
    truth = np.asarray(scored.targets, dtype=np.float64).reshape(len(scored))
    return np.asarray(truth - found.answers.predicted.astype(np.float64))


def _classes(numbers: Mapping[str, Any], training: TrainingRows | None, output: Output) -> tuple[ClassRow, ...]:
    each = numbers.get("per_class", [])
    sizes: NDArray[Any] | None = None
    if training is not None and each:
        truth = np.asarray(training.targets)
        if output == "category":
            sizes = np.bincount(truth[truth >= 0].astype(np.int64), minlength=len(each))
        else:
            sizes = (truth > 0.5).sum(axis=0)
    return tuple(
        ClassRow(
            label=one["label"],
            training=None if sizes is None else int(sizes[index]),
            rows=one["rows"],
            predicted=one["predicted"],
            precision=one["precision"],
            recall=one["recall"],
            f1=one["f1"],
        )
        for index, one in enumerate(each)
    )


def _dots(predicted: NDArray[Any], targets: NDArray[Any]) -> tuple[tuple[float, float], ...]:
    rows = len(predicted)
    shown = np.unique(np.linspace(0, rows - 1, min(rows, DOTS)).astype(np.int64)) if rows else np.empty(0, np.int64)
    truth = targets.reshape(rows).astype(np.float64)
    return tuple((float(truth[row]), float(predicted[row])) for row in shown)

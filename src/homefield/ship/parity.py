"""The parity gate: what was trained is what is exported, is what is quantised, is what is served.

The network as trained has answered a sample of validation texts; every later form of it must give the same numbers, one
text at a time and in batches. The int8 form cannot, so it must be as good on the whole validation split instead.

On few rows half a point is less than a row, and a row more or less is chance: of 52 validation rows, quantising loses
two about once in five exports of a model that is as good as before. So a loss beyond half a point refuses a model only
if it is more than chance, and a smaller one never does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from homefield.errors import Refused
from homefield.evaluate.alike import CHANCE, DROP, TOLERANCE
from homefield.evaluate.answers import answer, correct
from homefield.evaluate.calibration import Output, probabilities
from homefield.evaluate.metrics import HEADLINE, measure
from homefield.serve import Predictor
from homefield.ship.material import Rows

__all__ = ["check_logits", "check_metric", "served_alone"]

ALONE = 32


def served_alone(predictor: Predictor, sample: Rows) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Outputs of up to 32 rows of a sample asked one by one: which rows `[n]`, and `[n, C]`."""
    places = np.linspace(0, len(sample) - 1, min(ALONE, len(sample))).astype(np.int64)
    texts = sample.texts
    return places, np.concatenate([predictor.outputs([texts[place]]).logits for place in places])


def check_logits(
    code: str,
    sample: Rows,
    expected: NDArray[np.float32],
    got: NDArray[np.float32],
    labels: Sequence[str],
    *,
    scale: float,
    tolerance: float = TOLERANCE,
) -> float:
    """The largest difference of any output, in units of `scale`.

    Raises:
        Refused: `code`, naming the row and label where the two part most, and both numbers.
    """
    gaps = np.abs(got.astype(np.float64) - expected) / scale
    gaps[~np.isfinite(gaps)] = np.inf
    row, column = (int(place) for place in np.unravel_index(int(gaps.argmax()), gaps.shape))
    if gaps[row, column] > tolerance:
        raise Refused(
            code,
            row=sample.names[row],
            text=_short(sample.texts[row]),
            label=labels[column] if labels else "-",
            expected=f"{expected[row, column]:.6g}",
            got=f"{got[row, column]:.6g}",
            tolerance=f"{tolerance * scale:g}",
        )
    return float(gaps[row, column])


def check_metric(
    trained: NDArray[np.float32], served: NDArray[np.float32], rows: Rows, output: Output, labels: Sequence[str]
) -> dict[str, Any]:
    """Compare the task's metric before and after quantising: it may drop by 0.5 points, and by more only where that can
    be chance (`p`, one-sided: a drop so large from a form that is equally good).

    Raises:
        Refused: `ship.parity_int8`, naming the metric, both values, and the first row that was right and is wrong now.
    """
    metric, count = HEADLINE[output], len(rows)
    whole, served = bool(np.isfinite(served).all()), np.nan_to_num(served)
    before, after = (_metric(outputs, rows.targets, output, labels) for outputs in (trained, served))
    drop = before - after
    first, second = (_answers(outputs, output) for outputs in (trained, served))
    changed = 0 if output == "number" else int((first != second).reshape(count, -1).any(axis=1).sum())
    p = 1.0 if drop <= DROP + 1e-12 else _chance(first, second, rows.targets, output)
    if p < CHANCE or not whole:
        place = _first_loss(first, second, rows.targets, output)
        raise Refused(
            "ship.parity_int8",
            metric=metric,
            before=f"{before:.4f}",
            after=f"{after:.4f}",
            allowed=f"{100 * DROP:.2g}",
            drop=f"{100 * drop:.2f}",
            changed=changed,
            rows=count,
            row=rows.names[place],
            expected=_said(first[place], labels, output),
            got=_said(second[place], labels, output),
        )
    return {
        "metric": metric,
        "trained": before,
        "served": after,
        "drop": drop,
        "p": p,
        "rows": count,
        "changed": changed,
    }


def _chance(first: NDArray[Any], second: NDArray[Any], targets: NDArray[Any], output: Output) -> float:
    """One-sided p of what the second form gets wrong more than the first, by the sign test over rows that differ."""
    if output == "number":
        truth = np.asarray(targets).reshape(len(targets))
        worse = np.abs(second - truth) - np.abs(first - truth)
        lost, gained = int((worse > 0).sum()), int((worse < 0).sum())
    else:
        wrong, right = (~correct(said, targets, output) for said in (second, first))
        lost, gained = int((wrong & ~right).sum()), int((~wrong & right).sum())
    return float(binom.sf(lost - 1, lost + gained, 0.5))


def _answers(outputs: NDArray[np.float32], output: Output) -> NDArray[Any]:
    return answer(probabilities(outputs, output), output).predicted


def _metric(outputs: NDArray[np.float32], targets: NDArray[Any], output: Output, labels: Sequence[str]) -> float:
    value = measure(probabilities(outputs, output), targets, output, labels)[HEADLINE[output]]
    return 0.0 if value is None else float(value)


def _first_loss(first: NDArray[Any], second: NDArray[Any], targets: NDArray[Any], output: Output) -> int:
    if output == "number":
        truth = np.asarray(targets).reshape(len(targets))
        return int((np.abs(second - truth) - np.abs(first - truth)).argmax())
    return int((correct(first, targets, output) & ~correct(second, targets, output)).argmax())


def _said(predicted: Any, labels: Sequence[str], output: Output) -> str:
    if output == "category":
        return labels[int(predicted)]
    if output == "categories":
        return ", ".join(label for label, said in zip(labels, predicted, strict=True) if said) or "-"
    return f"{float(predicted):.6g}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."

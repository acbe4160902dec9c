"""What a model must beat: the most frequent answer, and counted word pieces with a linear model.

The baseline learns from the same rows as the model, in seconds. It is strong on short texts; a fine-tuned model that
does not beat it is not worth its cost.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC

from homefield.evaluate.calibration import Output, blocks, fit_temperature, probabilities

__all__ = ["Baseline", "Script", "fit_linear", "majority", "planes", "script_of", "tfidf_linear"]

Script = Literal["latin", "chinese", "mixed"]

MOST_ROWS = 200_000
MOST_WORK = 20_000_000  # rows times classes: one binary problem a class; about five minutes on one core
HELD_OUT = 0.15
PENALTY = 0.5
# C of the linear SVC: 0.25, 0.5 and 1 lie within 0.5 points of each other on banking77, hwu64, finfe, thucnews and
# twitter_sentiment, where logistic regression (C = 1, 4, 16) is up to 0.7 points below and five times slower.
RIDGES = (0.3, 1.0, 3.0, 10.0)


@dataclass(frozen=True)
class Baseline:
    """A fitted n-gram TF-IDF + linear model.

    rows: training rows it learned from; given: rows it was given (more than `rows` when it took a sample).
    converged: whether the solver reached its tolerance.
    """

    output: Output
    size: int
    script: Script
    rows: int
    given: int
    temperature: float
    converged: bool
    words: Any
    linear: Any
    classes: NDArray[np.int64]

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities `[N, C]`, or numbers `[N, 1]`, for N texts. A class without training rows gets 0."""
        return probabilities_of(self.logits(texts), self.output, self.temperature)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What the linear model puts out, `[N, C]`; -inf for a class without training rows."""
        result = np.full((len(texts), self.size), -np.inf if self.output != "number" else 0.0, dtype=np.float32)
        for rows in blocks(len(texts), 512):
            result[rows][:, self.classes] = _decisions(
                self.linear, self.words.transform(texts[rows]), len(self.classes)
            )
        return result


def probabilities_of(logits: NDArray[np.float32], output: Output, temperature: float) -> NDArray[np.float32]:
    """As `calibration.probabilities`, also where a class can never be (-inf)."""
    if output == "categories":
        return np.asarray(expit(logits / temperature), dtype=np.float32)
    return probabilities(logits, output, temperature)


def majority(targets: NDArray[Any], output: Output, size: int) -> NDArray[np.float32]:
    """The answer that never reads the text, `[C]` probabilities: class shares, label shares, or the mean (`[1]`)."""
    if output == "category":
        shares = np.bincount(np.asarray(targets).astype(np.int64), minlength=size) / max(1, len(targets))
    elif output == "categories":
        shares = np.asarray(targets, dtype=np.float64).mean(axis=0)
    else:
        shares = np.asarray(targets, dtype=np.float64).reshape(-1, 1).mean(axis=0)
    return shares.astype(np.float32)


def script_of(texts: Sequence[str]) -> Script:
    """Whether texts are written with Chinese characters: in most, in hardly any, or in some (of the first 2,000)."""
    sample = texts[:: max(1, len(texts) // 2000)]
    chinese = sum(any(_chinese(letter) for letter in one) for one in sample) / max(1, len(sample))
    return "latin" if chinese < 0.02 else "chinese" if chinese > 0.6 else "mixed"


def tfidf_linear(
    texts: Sequence[str],
    targets: NDArray[Any],
    output: Output,
    size: int,
    *,
    seed: int = 0,
    validation: tuple[Sequence[str], NDArray[Any]] | None = None,
    most_rows: int = MOST_ROWS,
) -> Baseline:
    """Fit the baseline: TF-IDF of word 1-2-grams and character 2-4-grams (Chinese: character 1-3-grams), linear SVC.

    Sublinear term frequency. Probabilities come from one temperature over the linear outputs, fitted on `validation`
    or, when not given, on 15 % of the rows held out of a first fit. Numbers are fitted by ridge regression, its
    strength chosen on held-out rows. Of more than `most_rows` rows, or 20 million rows times classes, a random sample
    is used (`Baseline.given` says of how many).

    Args:
        texts: N texts.
        targets: `[N]` class indices, `[N, C]` zeros and ones, or `[N]` numbers.
        output: the kind of output.
        size: C.
        seed: of the sample and the solver.
        validation: rows to fit the temperature on.
        most_rows: rows to learn from at most.

    Raises:
        ValueError: no rows, or one class only; `prepare` and the recipe check find this first.
    """
    targets = np.asarray(targets)
    given = len(texts)
    if output == "number":
        targets = targets.reshape(given)
    order = np.random.default_rng(seed).permutation(given)[: min(most_rows, max(10_000, MOST_WORK // max(1, size)))]
    kept = [texts[row] for row in order]
    truth = targets[order]
    words, matrix = _fit_words(kept)
    if output == "number":
        linear, converged = _fit_ridge(matrix, truth)
        classes, temperature = np.zeros(1, dtype=np.int64), 1.0
    else:
        classes = _classes(truth, output)
        if validation is None:
            cut = max(1, round(len(kept) * HELD_OUT))
            probe, _ = _fit_svc(matrix[cut:], truth[cut:], output, seed, tolerance=1e-2)
            held, real, known = matrix[:cut], truth[:cut], _classes(truth[cut:], output)
            linear, converged = _fit_svc(matrix, truth, output, seed)
        else:
            linear, converged = _fit_svc(matrix, truth, output, seed)
            probe, held, real, known = linear, words.transform(validation[0]), np.asarray(validation[1]), classes
        temperature = _temperature(_decisions(probe, held, len(known)), real, known, output)
    return Baseline(
        output, size, script_of(kept), len(kept), given, temperature, converged, words, linear, classes
    )  # fmt: skip


def _words(script: Script) -> FeatureUnion:
    shared: dict[str, Any] = {"sublinear_tf": True, "dtype": np.float32}
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", **shared)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, **shared)
    characters = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, **shared)
    parts = {"latin": [words, pieces], "chinese": [characters], "mixed": [words, characters]}[script]
    return FeatureUnion([(f"part{index}", part) for index, part in enumerate(parts)])


def _fit_words(texts: Sequence[str]) -> tuple[FeatureUnion, Any]:
    """What counts the pieces of a text, and the counts of `texts`."""
    words = _words(script_of(texts))
    try:
        return words, words.fit_transform(texts).tocsr()
    except ValueError:  # no word, or no piece that occurs twice, in texts as few or as short as these
        single = FeatureUnion([("all", TfidfVectorizer(analyzer="char", ngram_range=(1, 3), dtype=np.float32))])
        return single, single.fit_transform([text or "\N{REPLACEMENT CHARACTER}" for text in texts]).tocsr()


def _fit_svc(matrix: Any, truth: NDArray[Any], output: Output, seed: int, tolerance: float = 1e-4) -> tuple[Any, bool]:
    linear: Any = LinearSVC(C=PENALTY, random_state=seed, tol=tolerance)
    if output == "categories":
        varied = _classes(truth, output)
        linear, truth = OneVsRestClassifier(linear), truth[:, varied].astype(np.int64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        linear.fit(matrix, truth)
    return linear, not any(issubclass(one.category, ConvergenceWarning) for one in caught)


def fit_linear(matrix: Any, truth: NDArray[Any], output: Output, seed: int) -> tuple[Any, NDArray[np.int64]]:
    """The linear model of features `[N, F]`, and the classes it has outputs for: those with rows (for labels: also with
    rows without)."""
    return _fit_svc(matrix, truth, output, seed)[0], _classes(truth, output)


def planes(linear: Any, classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights `[F, classes]` and biases `[classes]` of a fitted linear model."""
    if isinstance(linear, OneVsRestClassifier):
        weights = np.concatenate([one.coef_ for one in linear.estimators_])
        bias = np.concatenate([one.intercept_ for one in linear.estimators_])
    else:
        weights, bias = linear.coef_, linear.intercept_
    if len(weights) == 1 and classes == 2:  # one plane between two classes, the second's
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
    return np.asarray(weights.T, dtype=np.float64), np.asarray(bias, dtype=np.float64)


def _fit_ridge(matrix: Any, truth: NDArray[Any]) -> tuple[Any, bool]:
    cut = max(1, round(matrix.shape[0] * HELD_OUT))
    errors = {}
    for strength in RIDGES:
        probe = Ridge(alpha=strength, solver="lsqr").fit(matrix[cut:], truth[cut:]) if matrix.shape[0] > cut else None
        errors[strength] = float(np.square(probe.predict(matrix[:cut]) - truth[:cut]).mean()) if probe else strength
    best = min(errors, key=lambda strength: errors[strength])
    return Ridge(alpha=best, solver="lsqr").fit(matrix, truth), True


def _classes(truth: NDArray[Any], output: Output) -> NDArray[np.int64]:
    """The classes the linear model has outputs for: those with rows (for labels: also with rows without)."""
    if output == "category":
        return np.unique(truth[truth >= 0]).astype(np.int64)
    share = np.asarray(truth, dtype=np.float64).mean(axis=0)
    return np.flatnonzero((share > 0) & (share < 1)).astype(np.int64)


def _decisions(linear: Any, matrix: Any, classes: int) -> NDArray[np.float64]:
    """Outputs `[N, classes]`; two classes have one output, the second's, and the first gets its negative."""
    if not hasattr(linear, "decision_function"):
        return np.asarray(linear.predict(matrix), dtype=np.float64).reshape(-1, 1)
    found = np.asarray(linear.decision_function(matrix), dtype=np.float64)
    if classes == 1:
        return found.reshape(-1, 1)
    return np.stack([-found, found], axis=1) if found.ndim == 1 else found


def _temperature(
    outputs: NDArray[np.float64], truth: NDArray[Any], classes: NDArray[np.int64], output: Output
) -> float:
    if output == "categories":
        return fit_temperature(outputs, truth[:, classes], output)
    place = {int(label): index for index, label in enumerate(classes)}
    return fit_temperature(outputs, np.array([place.get(int(one), -1) for one in truth], dtype=np.int64), output)


def _chinese(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" and unicodedata.category(letter) == "Lo"

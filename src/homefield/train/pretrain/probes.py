"""Probes: small sets of labelled records, on which a linear head shows whether a backbone learns anything of use."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from homefield.backbones.backbone import Backbone
from homefield.backbones.encode import Encoded, encode
from homefield.data import PrepareOptions, prepare
from homefield.data.dataset import Dataset, SplitName, open_dataset
from homefield.errors import CallError
from homefield.train.defaults import tokens_to_look_at
from homefield.train.precision import Precision

__all__ = ["LinearProbe", "ProbeRows", "read_probes"]

_ROWS = 2_000
_LONGEST = 128
_RIDGE = 10.0
_SHARES = {"train": 0.8, "validation": 0.2}
Side = tuple[list[str], NDArray[np.str_]]


@dataclass(frozen=True)
class ProbeRows:
    """Texts and labels of at most 2,000 rows to fit a classifier on, and of as many to score it on."""

    name: str
    fitted: Side
    scored: Side


@dataclass(frozen=True)
class LinearProbe:
    """A probe as one backbone reads its rows."""

    name: str
    fitted: Encoded
    scored: Encoded
    fitted_labels: NDArray[np.str_]
    scored_labels: NDArray[np.str_]

    @classmethod
    def of(cls, rows: ProbeRows, backbone: Backbone) -> LinearProbe:
        """The probe for `backbone`."""
        longest = min(_LONGEST, backbone.max_length)
        fitted, scored = (encode(texts, backbone.tokenizer, longest) for texts, _ in (rows.fitted, rows.scored))
        return cls(rows.name, fitted, scored, rows.fitted[1], rows.scored[1])

    def accuracy(self, backbone: Backbone, precision: Precision) -> float:
        """Share of the scored rows whose label a linear head (ridge) on frozen vectors finds."""
        # Imported here: most runs have no probes, and it takes a second.
        from sklearn.linear_model import RidgeClassifier
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        fitted = scaler.fit_transform(_vectors(backbone, self.fitted, precision))
        scored = scaler.transform(_vectors(backbone, self.scored, precision))
        head = RidgeClassifier(alpha=_RIDGE).fit(fitted, self.fitted_labels)
        return float((head.predict(scored) == self.scored_labels).mean())


def read_probes(paths: Sequence[str]) -> list[ProbeRows]:
    """The datasets at `paths`, and files of labelled records, which are prepared as any are.

    Raises:
        CallError: `pretrain.no_probe`, for records without one category a row; or as `open_dataset`.
        RecordsError: as `homefield.data.prepare`.
    """
    return [_prepared(Path(path)) if Path(path).is_file() else _rows(open_dataset(Path(path))) for path in paths]


def _prepared(file: Path) -> ProbeRows:
    """A file as a probe: the roles are guessed, and near-duplicates do not stand on both sides."""
    with tempfile.TemporaryDirectory(prefix="homefield-") as folder:
        dataset = Path(folder) / file.stem
        prepare([file], dataset, columns={}, options=PrepareOptions(shares=_SHARES, suspects_rows=0))
        return _rows(open_dataset(dataset), file)


def _rows(dataset: Dataset, file: Path | None = None) -> ProbeRows:
    able: tuple[SplitName, ...] = ("validation", "test")
    held = next((split for split in able if dataset.rows(split)), None)
    if dataset.manifest.label_kind != "category" or held is None:
        raise CallError("pretrain.no_probe", path=file or dataset.path, kind=dataset.manifest.label_kind)
    return ProbeRows(dataset.path.name, _side(dataset, "train"), _side(dataset, held))


def _side(dataset: Dataset, split: SplitName) -> Side:
    frame = dataset.frame(split)
    chosen = frame[np.linspace(0, len(frame) - 1, min(_ROWS, len(frame))).astype(np.int64)]
    return chosen["text"].to_list(), np.array(chosen["label"].to_list(), dtype=np.str_)


def _vectors(backbone: Backbone, texts: Encoded, precision: Precision) -> NDArray[np.float32]:
    lengths = texts.lengths
    order = np.argsort(lengths, kind="stable")
    found = np.empty((len(order), backbone.width), np.float32)
    size = max(1, tokens_to_look_at(precision.device.type) // 16)
    with torch.inference_mode():
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            ids, mask = texts.batch(rows, pad_id=backbone.pad_id)
            moved = [torch.from_numpy(array).to(precision.device) for array in (ids, mask)]
            with precision.running():
                hidden = backbone(*moved)
            found[rows] = backbone.pool(hidden.float(), moved[1]).cpu().numpy()
    return found

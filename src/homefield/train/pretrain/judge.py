"""How good a backbone is while it learns: perplexity on text it never saw, and a linear head on small labelled sets."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from homefield.backbones.backbone import Backbone
from homefield.backbones.encode import Encoded, encode
from homefield.data import PrepareOptions, prepare
from homefield.data.dataset import SplitName, open_dataset
from homefield.errors import CallError
from homefield.train.defaults import tokens_to_look_at
from homefield.train.precision import Precision
from homefield.train.pretrain.masking import Masking
from homefield.train.pretrain.network import MaskedModel
from homefield.train.pretrain.pack import Cut, Stream
from homefield.train.pretrain.replaced import ReplacedModel

__all__ = ["LinearProbe", "judge_of", "measure_stream", "open_probes"]

Model = MaskedModel | ReplacedModel
_MEASURED_TOKENS = 65_536
_ROWS = 2_000
_LONGEST = 128
_RIDGE = 10.0
_SEED = 20_240_229
_SHARES = {"train": 0.8, "validation": 0.2}


@dataclass(frozen=True)
class LinearProbe:
    """At most 2,000 rows to fit a ridge classifier on, as many to score it on."""

    name: str
    fitted: Encoded
    scored: Encoded
    fitted_labels: NDArray[np.str_]
    scored_labels: NDArray[np.str_]

    def accuracy(self, backbone: Backbone, precision: Precision) -> float:
        """Share of the scored rows whose label a linear head on frozen vectors finds."""
        # Imported here: most runs have no probes, and it takes a second.
        from sklearn.linear_model import RidgeClassifier
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        fitted = scaler.fit_transform(_vectors(backbone, self.fitted, precision))
        scored = scaler.transform(_vectors(backbone, self.scored, precision))
        head = RidgeClassifier(alpha=_RIDGE).fit(fitted, self.fitted_labels)
        return float((head.predict(scored) == self.scored_labels).mean())


def open_probes(paths: Sequence[str], backbone: Backbone) -> list[LinearProbe]:
    """The datasets at `paths` as probes, and files of labelled records, which are prepared as any are.

    Raises:
        CallError: `pretrain.no_probe`, for a dataset without one category a row; or as `open_dataset`.
        RecordsError: as `homefield.data.prepare`.
    """
    return [
        _prepared(Path(path), backbone) if Path(path).is_file() else _opened(Path(path), backbone) for path in paths
    ]


def _prepared(file: Path, backbone: Backbone) -> LinearProbe:
    """A file as a probe: the roles are guessed, and near-duplicates do not stand on both sides."""
    with tempfile.TemporaryDirectory(prefix="homefield-") as folder:
        dataset = Path(folder) / file.stem
        prepare([file], dataset, columns={}, options=PrepareOptions(shares=_SHARES, suspects_rows=0))
        return _opened(dataset, backbone)


def _opened(path: Path, backbone: Backbone) -> LinearProbe:
    dataset = open_dataset(path)
    able: tuple[SplitName, ...] = ("validation", "test")
    held = next((split for split in able if dataset.rows(split)), None)
    if dataset.manifest.label_kind != "category" or held is None:
        raise CallError("pretrain.no_probe", path=dataset.path, kind=dataset.manifest.label_kind)
    sides = []
    both: tuple[SplitName, ...] = ("train", held)
    for split in both:
        frame = dataset.frame(split)
        chosen = frame[np.linspace(0, len(frame) - 1, min(_ROWS, len(frame))).astype(np.int64)]
        longest = min(_LONGEST, backbone.max_length)
        encoded = encode(chosen["text"].to_list(), backbone.tokenizer, longest)
        sides.append((encoded, np.array(chosen["label"].to_list(), dtype=np.str_)))
    (fitted, labels), (scored, scored_labels) = sides
    return LinearProbe(dataset.path.name, fitted, scored, labels, scored_labels)


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


def measure_stream(
    model: Model,
    stream: Stream,
    masking: Masking,
    *,
    length: int,
    first: int,
    part: int,
    precision: Precision,
) -> dict[str, float]:
    """Loss and perplexity of hidden tokens in `stream`, at most 65,536 of its tokens, always the same ones hidden."""
    cut = Cut(length)
    rows = np.arange(min(cut.rows(len(stream)), _MEASURED_TOKENS // length))
    total = count = 0.0
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        for start in range(0, len(rows), max(1, part // length)):
            chosen = rows[start : start + max(1, part // length)]
            ids, begins = stream.batch(chosen, cut, first=first)
            seen, told = masking.hide(ids, begins)
            with precision.running():
                loss, weight = model.surprise(*(each.to(precision.device) for each in (ids, seen, told)))
            total, count = total + float(loss), count + float(weight)
    if not count:
        return {"loss": math.nan, "perplexity": math.nan}
    return {"loss": total / count, "perplexity": math.exp(min(50.0, total / count))}


def judge_of(
    measure: Callable[[], dict[str, float]],
    probes: Sequence[LinearProbe],
    model: Model,
    precision: Precision,
) -> Callable[[], dict[str, Any]]:
    """What the loop asks at intervals: perplexity, and the accuracy of each probe."""

    def judge() -> dict[str, Any]:
        model.eval()
        found: dict[str, Any] = measure()
        for probe in probes:
            found[f"probe_{probe.name}"] = probe.accuracy(model.backbone, precision)
        model.train()
        return found

    return judge

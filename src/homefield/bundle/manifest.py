"""What a model says of itself: one JSON object that names every file beside it with its SHA-256 and size.

The manifest carries a seal, the SHA-256 of everything else in it, and is written in one canonical form, so that a
changed byte of the manifest is found as surely as a changed byte of a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from homefield.evaluate.calibration import Output

__all__ = [
    "FORMAT",
    "BundleManifest",
    "Cleaning",
    "Parts",
    "Precision",
    "Thresholds",
    "read_manifest",
    "write_manifest",
]

FORMAT = 1
Precision = Literal["int8", "fp32"]


@dataclass(frozen=True)
class Parts:
    """The ONNX files of one precision.

    frozen: the shared lower part, named by its own content (`int8/frozen-0123456789abcdef.onnx`), or None when the
    model ships whole. head: what stands on it, or the whole model.
    """

    frozen: str | None
    head: str


@dataclass(frozen=True)
class Cleaning:
    """How a text is cleaned before it is read: kinds of personal data masked, and the longest text in characters."""

    mask: tuple[str, ...]
    max_characters: int


@dataclass(frozen=True)
class Thresholds:
    """From where on an answer is given.

    labels: for `categories`, the probability from which each label is said. risk: what the risk budget bought
    (`homefield.ship.decisions`), None without a budget. unknown: the unknown score from which a model abstains,
    None for never.
    """

    labels: tuple[float, ...] = ()
    risk: Mapping[str, Any] | None = None
    unknown: float | None = None


@dataclass(frozen=True)
class BundleManifest:
    """Everything a model is beside its files.

    name, version: None until the model stands in a registry. program: the version that made it. output: the kind of
    output. metric: the number that decides. labels: in the order of the outputs. languages: rows of the dataset by
    language. backbone: its facts. how, frozen_to: how it was trained and to which layer the backbone stayed as it was.
    max_length: tokens a text is cut to. width: D of the vectors. interval: half width of a number's interval and its
    miss rate. parity: what the parity gate measured. metrics: what the model reached, with intervals. dataset: name,
    hash, counts. match: of a model that gives vectors, what a cosine means (`homefield.ship.matched`). beside: of a
    model with n-grams beside its network, what network, n-grams and both reached (`homefield.train.beside`). files: by
    path from the folder, `sha256` and `bytes`.
    """

    name: str | None
    version: int | None
    created: str
    program: str
    task: str
    output: Output
    metric: str
    labels: tuple[str, ...]
    languages: Mapping[str, int]
    backbone: Mapping[str, Any]
    how: str
    frozen_to: int
    max_length: int
    pad_id: int
    width: int
    cleaning: Cleaning
    parts: Mapping[str, Parts]
    temperature: float = 1.0
    thresholds: Thresholds = field(default_factory=Thresholds)
    interval: Mapping[str, float] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    dataset: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    match: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "text"
    format: int = FORMAT

    @property
    def seal(self) -> str:
        """SHA-256 (hexadecimal) of all of the above; two models with one seal are the same model."""
        return _seal(self._values())

    @property
    def title(self) -> str:
        """What a prediction calls its model: `name@7`, or the name and the start of the seal."""
        name = self.name or "model"
        return f"{name}@{self.version}" if self.version is not None else f"{name}#{self.seal[:12]}"

    def as_json(self) -> dict[str, Any]:
        """The manifest as one JSON object, seal included."""
        values = self._values()
        return {**values, "seal": _seal(values)}

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {one.name: _plain(getattr(self, one.name)) for one in fields(self)}
        for later in ("match", "beside"):
            if not values[later]:
                del values[later]  # models made before there was such a thing keep their seal
        return values


def write_manifest(manifest: BundleManifest) -> bytes:
    """The canonical bytes of `manifest.json`."""
    return (json.dumps(manifest.as_json(), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode("utf-8")


def read_manifest(content: bytes) -> BundleManifest:
    """The manifest in `content`.

    Raises:
        ValueError: it is not a manifest in canonical form with the right seal.
    """
    try:
        values = json.loads(content.decode("utf-8"))
        seal = values.pop("seal")
        manifest = BundleManifest(
            **{
                **values,
                "labels": tuple(values["labels"]),
                "cleaning": Cleaning(**{**values["cleaning"], "mask": tuple(values["cleaning"]["mask"])}),
                "parts": {_precision(name): Parts(**parts) for name, parts in values["parts"].items()},
                "thresholds": Thresholds(**{**values["thresholds"], "labels": tuple(values["thresholds"]["labels"])}),
            }
        )
    except (UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {error!r}") from error
    if manifest.seal != seal or write_manifest(manifest) != content:
        raise ValueError("the seal does not fit")
    for name in manifest.files:
        path = PurePosixPath(name)
        if path.is_absolute() or "\\" in name or ":" in name or not path.parts or ".." in path.parts:
            raise ValueError(f"a file outside the folder: {name}")
    return manifest


def _precision(name: str) -> str:
    if name not in get_args(Precision):
        raise ValueError(f"unknown precision: {name}")
    return name


def _seal(values: Mapping[str, Any]) -> str:
    canonical = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, (Parts, Cleaning, Thresholds)):
        return _plain(asdict(value) if not isinstance(value, Thresholds) else dict(vars(value)))
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value

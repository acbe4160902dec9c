"""A backbone from where it lies: a folder of weights, a fresh network, or the blueprint a run saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from homefield.backbones.backbone import Backbone
from homefield.backbones.bigru import BiGru, GruShape
from homefield.backbones.catalogue import BackboneSource
from homefield.backbones.checkpoint import read_pooling, read_weights, shape_of
from homefield.backbones.cnn import CnnShape, CnnText
from homefield.backbones.encode import encode
from homefield.backbones.encoder import Encoder, Shape
from homefield.backbones.facts import Facts
from homefield.backbones.folder import check_folder, read_config
from homefield.backbones.ngrams import find_ngrams
from homefield.backbones.own import KIND, read_own
from homefield.backbones.tokenizer import CORPUS_SPECIAL, read_tokenizer, train_tokenizer
from homefield.backbones.wrapped import Wrapped, empty_wrapped, wrap_folder
from homefield.errors import CallError

__all__ = ["load", "rebuild", "tells_hidden_tokens"]

# Enough texts to know which pieces and n-grams are frequent, few enough to count in seconds.
_SAMPLE = 200_000


def load(source: BackboneSource, *, tokenizer_texts: Iterable[str] | None = None, seed: int = 0) -> Backbone:
    """The backbone `source` names, in fp32 on the processor.

    tokenizer_texts: the training texts; a fresh backbone learns its tokenizer and its n-grams from them (from
    200,000 evenly spaced ones when there are more), others ignore them.
    seed: of a fresh backbone's weights; the same seed and texts give the same backbone.

    Raises:
        CallError: `backbones.needs_texts`, or as `folder.check_folder`.
    """
    if source.path is not None:
        return _load_folder(source.path, source.facts)
    texts = list(tokenizer_texts or ())
    texts = texts[:: -(-len(texts) // _SAMPLE) or 1]
    if not texts:
        raise CallError("backbones.needs_texts", name=source.name)
    tokenizer = train_tokenizer(texts)
    slots = find_ngrams(encode(texts, tokenizer, source.facts.max_length))
    backbone: CnnText | BiGru
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if source.name == "bigru":
            backbone = BiGru(source.facts, tokenizer, GruShape(tokenizer.get_vocab_size(), int(slots.max())))
        else:
            backbone = CnnText(source.facts, tokenizer, CnnShape(tokenizer.get_vocab_size(), int(slots.max())))
        backbone.initialise(slots)
    return backbone


def tells_hidden_tokens(folder: Path) -> bool:
    """Whether the backbone in `folder` can be pretrained further: an encoder with a token that hides others.

    Raises:
        CallError: as `folder.check_folder`.
    """
    config = read_config(folder)
    if config["model_type"] != KIND and shape_of(config, folder / "config.json", read_pooling(folder)) is None:
        return False
    tokenizer = read_tokenizer(folder)
    return all(tokenizer.token_to_id(token) is not None for token in CORPUS_SPECIAL)


def rebuild(blueprint: Mapping[str, Any], tokenizer: Tokenizer) -> Backbone:
    """The network a `Backbone.blueprint` describes, with random weights; `load_state_dict` fills them."""
    facts = Facts.from_json(blueprint["facts"])
    pad_id = int(blueprint["pad_id"])
    backbone: Backbone
    if blueprint["architecture"] == "encoder":
        backbone = Encoder(facts, tokenizer, Shape(**blueprint["shape"]), pad_id=pad_id)
        if blueprint.get("adapters"):
            rank, start = blueprint["adapters"]
            backbone.insert_adapters(rank=rank, start=start)
    elif blueprint["architecture"] == "cnn-text":
        backbone = CnnText(facts, tokenizer, CnnShape.from_json(blueprint["shape"]))
    elif blueprint["architecture"] == "bigru":
        backbone = BiGru(facts, tokenizer, GruShape(**blueprint["shape"]))
    elif blueprint["architecture"] == "wrapped":
        backbone = empty_wrapped(facts, tokenizer, blueprint["shape"], pad_id=pad_id)
    else:
        raise CallError("backbones.unknown_architecture", given=blueprint["architecture"])
    return backbone.eval()


def _load_folder(folder: Path, facts: Facts) -> Encoder | Wrapped:
    check_folder(folder)
    config = read_config(folder)
    tokenizer = read_tokenizer(folder)
    if config["model_type"] == KIND:
        return read_own(folder, facts, tokenizer)
    pad_id = int(config.get("pad_token_id") or 0)
    pooling = read_pooling(folder)
    shape = shape_of(config, folder / "config.json", pooling)
    if shape is None:
        return wrap_folder(folder, facts, tokenizer, pooling=pooling, pad_id=pad_id)
    with torch.device("meta"):
        encoder = Encoder(facts, tokenizer, shape, pad_id=pad_id)
    weights = read_weights(folder, shape)
    expected = {name: tuple(tensor.shape) for name, tensor in encoder.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if expected != found:
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise CallError("backbones.bad_weights", file=folder, fault=wrong[0])
    encoder.load_state_dict(weights, assign=True)
    return encoder.eval()

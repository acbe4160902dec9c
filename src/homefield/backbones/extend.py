"""A backbone learns new characters: rows for what its tokenizer does not know, everything else as it was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from homefield.backbones.encoder import Encoder
from homefield.errors import CallError

__all__ = ["extended", "extended_tokenizer", "missing_characters"]

_RARE = 5


def missing_characters(tokenizer: Tokenizer, texts: Iterable[str], *, most: int) -> list[str]:
    """The characters of `texts` that the tokenizer does not know as tokens of their own, the most frequent first."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer is not None else text)
    unknown = tokenizer.token_to_id("[UNK]")
    found: list[str] = []
    for character, count in counts.most_common():
        if count < _RARE or len(found) >= most:
            break
        # Alone, so that a letter that only goes on words is not taken for a new one.
        if not character.isspace() and unknown in tokenizer.encode(character, add_special_tokens=False).ids:
            found.append(character)
    return found


def extended_tokenizer(tokenizer: Tokenizer, characters: Sequence[str]) -> Tokenizer:
    """The tokenizer with `characters` as further tokens, behind those it has.

    Raises:
        CallError: `backbones.cannot_extend`, for a tokenizer whose pieces have no plain list.
    """
    written = json.loads(tokenizer.to_str())
    vocabulary = written["model"].get("vocab")
    if written["model"].get("type") not in ("WordPiece", "BPE") or not isinstance(vocabulary, dict):
        raise CallError("backbones.cannot_extend", kind=written["model"].get("type"))
    size = max([*vocabulary.values(), *(token["id"] for token in written["added_tokens"])]) + 1
    vocabulary |= {character: size + place for place, character in enumerate(characters)}
    return Tokenizer.from_str(json.dumps(written))


@torch.no_grad()
def extended(
    backbone: Encoder, tokenizer: Tokenizer, *, tables: tuple[Tensor, Tensor] | None = None, gram: int = 0
) -> Encoder:
    """`backbone` with a row for every token of `tokenizer`, whose first ones are its own.

    New rows are drawn around the mean of the old ones (Hewitt 2021, "Initializing new word embeddings"), so that at
    first they change little. tables: of n-grams to have in the input layer (`phrases.phrase_tables`), with embeddings
    of `gram` numbers that at first add nothing; a backbone that has n-grams keeps its own.
    """
    with_grams = backbone.phrases is None and tables is not None and len(tables[1]) > 1
    shape = replace(backbone.shape, vocabulary=max(tokenizer.get_vocab_size(), backbone.shape.vocabulary))
    if with_grams and tables is not None:
        shape = replace(shape, grams=len(tables[1]), gram=gram)
    made = Encoder(backbone.facts, tokenizer, shape, pad_id=backbone.pad_id)
    made.initialise()
    state = dict(backbone.state_dict())
    old = state.pop("words.weight")
    made.load_state_dict(state, strict=False)
    made.words.weight[: len(old)] = old
    new = made.words.weight[len(old) :]
    new.copy_(old.mean(0) + old.std(0) * torch.randn(new.shape))
    if with_grams and made.phrases is not None and tables is not None:
        made.phrases.initialise(*tables)
        nn.init.zeros_(made.phrases.widen.weight)
    return made

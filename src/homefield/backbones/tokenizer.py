"""Tokenizers: read from a backbone's folder, or learned from the records for a network without pretraining.

The learned one isolates every CJK character (a convolution then sees character n-grams, which carry Chinese words)
and cuts other words into frequent pieces, so that a typo still shares pieces with the word that was meant.

Of a web address only the host is read. What follows it is a code that no two texts share, and costs more tokens than
the sentence around it: with it, a finance tweet has 34 of them on the average instead of 24.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from homefield.backbones.hub import hub_off

__all__ = ["CORPUS_SPECIAL", "PADDING", "corpus_tokenizer", "read_tokenizer", "train_tokenizer"]

PADDING, UNKNOWN, START = 0, 1, 2
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]"]
_PATH = r"https?://[^\s/]+\K/[!-~]*"
CORPUS_SPECIAL = (*_SPECIAL, "[SEP]", "[MASK]")
# A word that came more often says nothing more about which pieces are frequent.
_MOST_REPEATS = 2_000
_RARE = 5
_LATIN = re.compile(r"[^\W\d_\u2e80-\uffff]{2,30}|\d{2,12}")


def train_tokenizer(texts: Iterable[str], *, vocabulary: int = 12_000) -> Tokenizer:
    """A tokenizer learned from `texts`: lower case, CJK characters alone, byte-pair pieces of other words.

    Sennrich et al. 2016, Neural machine translation of rare words with subword units. Every text starts with [CLS],
    so that an empty one still has a token. The same texts give the same tokenizer.
    """
    texts = list(texts)
    tokenizer = _empty()
    characters = set(tokenizer.normalizer.normalize_str("".join(sorted(set().union(*texts)))))
    return _trained(tokenizer, texts, [*_SPECIAL, *_continuations(tokenizer, characters)], _SPECIAL, vocabulary)


def corpus_tokenizer(texts: Iterable[str], *, vocabulary: int, pieces: int) -> Tokenizer:
    """A tokenizer of `vocabulary` tokens learned from a stream of texts, with what masked learning needs.

    The frequent characters first, as many as leave room for about `pieces` pieces of Latin words and numbers.
    """
    tokenizer = _empty()
    characters: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for text in texts:
        normal = tokenizer.normalizer.normalize_str(text)
        characters.update(normal)
        words.update(_LATIN.findall(normal))
    room = vocabulary - len(CORPUS_SPECIAL) - pieces
    known = [c for c, count in characters.most_common() if count >= _RARE and not c.isspace()][:room]
    special = [*CORPUS_SPECIAL, *sorted(known)]
    # The normaliser puts spaces around Chinese characters: they never go on a word.
    joined = [c for c in known if " " not in tokenizer.normalizer.normalize_str(f"a{c}")]
    ahead = _continuations(tokenizer, joined)
    chunks = (" ".join([word] * min(count, _MOST_REPEATS)) for word, count in sorted(words.items()) if count > 1)
    return _trained(tokenizer, chunks, [*special, *ahead], CORPUS_SPECIAL, vocabulary)


def _empty() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=False))
    tokenizer.normalizer = normalizers.Sequence(
        [_hosts(), normalizers.NFKC(), normalizers.BertNormalizer(lowercase=True, handle_chinese_chars=True)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _trained(
    tokenizer: Tokenizer, texts: Iterable[str], named: Sequence[str], special: Sequence[str], vocabulary: int
) -> Tokenizer:
    """The pieces `named` have the first numbers, in their order; of them `special` are no text."""
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=list(named),
        limit_alphabet=7_000,
        continuing_subword_prefix="##",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer = _without_added(tokenizer, special)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", START)])
    return tokenizer


def _continuations(tokenizer: Tokenizer, characters: Iterable[str]) -> list[str]:
    """Every one of `characters` that can go on a word, as the piece it makes: `##a`.

    The trainer numbers these in the random order of a hash table, and breaks ties between pairs by their numbers; named
    beforehand they have the same numbers each time.
    """
    cut = tokenizer.pre_tokenizer.pre_tokenize_str
    return [f"##{c}" for c in sorted(characters) if not c.isspace() and len(cut(f"a{c}")) == 1]


def _without_added(tokenizer: Tokenizer, special: Sequence[str]) -> Tokenizer:
    """The pieces that were named beforehand as ordinary ones, so that a text with `##a` in it is not mistaken."""
    written = json.loads(tokenizer.to_str())
    written["added_tokens"] = [token for token in written["added_tokens"] if token["content"] in special]
    return Tokenizer.from_str(json.dumps(written))


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in a backbone's folder, neither padding nor truncating, and blind to the paths of web addresses.

    Without a tokenizer.json it is made from vocab.txt (BERT) or by Transformers.
    """
    file = folder / "tokenizer.json"
    with hub_off():
        if file.is_file():
            tokenizer = Tokenizer.from_file(str(file))
        else:
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if not _reads_hosts(tokenizer):
        before = [] if tokenizer.normalizer is None else [tokenizer.normalizer]
        tokenizer.normalizer = normalizers.Sequence([_hosts(), *before])
    return tokenizer


def _hosts() -> normalizers.Normalizer:
    return normalizers.Replace(Regex(_PATH), "")


def _reads_hosts(tokenizer: Tokenizer) -> bool:
    steps = (json.loads(tokenizer.to_str())["normalizer"] or {}).get("normalizers", [])
    return any(step.get("pattern") == {"Regex": _PATH} for step in steps)

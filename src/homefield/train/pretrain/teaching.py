"""A teacher's vectors for sentences, learned for the sentences and for their translations (Reimers and Gurevych 2020,
"Making monolingual sentence embeddings multilingual using knowledge distillation").

So a backbone comes to give for a Chinese sentence the vector that an English one gives for what it means, and texts of
both languages lie in one space. The teacher's vectors are computed once and kept in the cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from homefield.backbones.backbone import Backbone
from homefield.backbones.encode import Encoded, encode
from homefield.backbones.shelf import new_entry
from homefield.data.corpus import held_out
from homefield.events import Event, Listener
from homefield.files import write_file
from homefield.train.batches import Rows, cut_by_tokens
from homefield.train.defaults import tokens_to_look_at
from homefield.train.precision import Precision

__all__ = ["Teaching", "teaching_from"]

_FORMAT = 1
_HELD_OUT = 0.04
_MEASURED = 1_000
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Teaching:
    """What is learned from a teacher. Shapes: n distinct texts, m sentences, W the teacher's width, R rows, Q pairs.

    texts: as the student reads them, the m sentences first. wanted: the teacher's vectors of the sentences `[m, W]`, of
    length 1. rows: a text and the sentence whose vector it is to get `[R, 2]`. measured: a sentence and its translation
    `[Q, 2]`; neither is learned from. projection: from the student's width to the teacher's, where they differ.
    """

    texts: Encoded
    wanted: Tensor
    rows: Places
    measured: Places
    projection: nn.Module
    pad_id: int

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens of each row `[R]`."""
        return self.texts.lengths[self.rows[:, 0]].astype(np.int32)

    def loss(self, backbone: Backbone, rows: Rows, precision: Precision) -> tuple[Tensor, Tensor]:
        """The sum over `rows` of 1 - cosine with the teacher's vector (half the squared distance), and their number."""
        made = self._vectors(backbone, self.rows[rows, 0], precision)
        wanted = self.wanted[torch.from_numpy(self.rows[rows, 1]).to(made.device)]
        return (1 - (made * wanted).sum(1)).sum(), torch.tensor(float(len(rows)))

    def measure(self, backbone: Backbone, precision: Precision) -> dict[str, float]:
        """Of the held-out pairs: mean cosine of translations with the teacher's vectors, and the shares of translations
        that find their sentence first among all, and of sentences that find their translation."""
        if not len(self.measured):
            return {}
        sides = []
        with torch.inference_mode():
            for column in (0, 1):
                places = self.measured[:, column]
                made = torch.empty(len(places), self.wanted.shape[1], device=precision.device)
                tokens = tokens_to_look_at(precision.device.type)
                lengths = self.texts.lengths[places].astype(np.int32)
                for part in cut_by_tokens(np.arange(len(places)), lengths, tokens):
                    made[torch.from_numpy(part).to(made.device)] = self._vectors(backbone, places[part], precision)
                sides.append(made)
            sentences, translations = sides
            right = torch.arange(len(sentences), device=sentences.device)
            scores = translations @ sentences.T
            taught = self.wanted[torch.from_numpy(self.measured[:, 0]).to(right.device)]
            return {
                "pair_cosine": float((translations * taught).sum(1).mean()),
                "pair_found": float((scores.argmax(1) == right).float().mean()),
                "pair_found_back": float((scores.argmax(0) == right).float().mean()),
            }

    def _vectors(self, backbone: Backbone, places: Places, precision: Precision) -> Tensor:
        """Vectors `[B, W]` of length 1, float32."""
        return _pooled(backbone, self.texts, places, precision, self.pad_id, self.projection)


def teaching_from(
    pairs: Sequence[tuple[str, str]],
    teacher: Backbone,
    student: Backbone,
    precision: Precision,
    cache: Path,
    listen: Listener,
) -> Teaching:
    """Lay out what `student` learns from `teacher`'s vectors of the first side of each of `pairs`.

    One pair in 25, chosen by a hash of its sentence, is held out (of fewer none), and at most 1,000 are measured.
    """
    sentences = list(dict.fromkeys(sentence for sentence, _ in pairs))
    texts = list(dict.fromkeys([*sentences, *(translation for _, translation in pairs)]))
    number = {text: place for place, text in enumerate(texts)}
    share = _HELD_OUT if len(sentences) * _HELD_OUT >= 1 else 0.0
    held = {sentence for sentence in sentences if held_out(sentence, share)}
    learned = [pair for pair in pairs if pair[0] not in held]
    once = dict.fromkeys((text, pair[0]) for pair in learned for text in pair)
    rows = [(number[text], number[sentence]) for text, sentence in once]
    seen = {text for text, _ in once}
    # One translation a sentence, and each once: what is looked for has one right answer.
    by_sentence = {one: other for one, other in reversed(pairs) if one in held and not {one, other} & seen}
    single = {other: one for one, other in by_sentence.items()}
    measured = [(number[one], number[other]) for other, one in single.items()][:_MEASURED]
    wanted = _taught(teacher, sentences, precision, cache, listen)
    same = wanted.shape[1] == student.width
    return Teaching(
        encode(texts, student.tokenizer, student.max_length, cache=cache),
        wanted.to(precision.device),
        np.array(rows, dtype=np.int64).reshape(-1, 2),
        np.array(measured, dtype=np.int64).reshape(-1, 2),
        nn.Identity() if same else nn.Linear(student.width, wanted.shape[1]).to(precision.device),
        student.pad_id,
    )


def _taught(teacher: Backbone, sentences: Sequence[str], precision: Precision, cache: Path, listen: Listener) -> Tensor:
    """The teacher's vectors `[m, W]`, from the cache or now."""
    encoded = encode(sentences, teacher.tokenizer, teacher.max_length, cache=cache)
    identity = f"{_FORMAT} {teacher.content_hash(teacher.layers)} {encoded.hash} {precision.arithmetic}"
    folder = cache / "corpora" / f"taught-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"
    if not (folder / "manifest.json").is_file():
        found = torch.empty(len(sentences), teacher.width)
        teacher.to(precision.device).eval()
        listen(Event("stage", "train.stage_teacher", total=len(sentences)))
        done = 0
        with torch.inference_mode():
            tokens = tokens_to_look_at(precision.device.type)
            lengths = encoded.lengths.astype(np.int32)
            for part in cut_by_tokens(np.arange(len(sentences), dtype=np.int64), lengths, tokens):
                found[part] = _pooled(teacher, encoded, part, precision, teacher.pad_id, nn.Identity()).cpu()
                done += len(part)
                listen(Event("advance", "train.stage_teacher", done=done, total=len(sentences)))
        with new_entry(folder) as partial:
            save_file({"vectors": found.half()}, partial / "vectors.safetensors")
            write_file(partial / "manifest.json", json.dumps({"format": _FORMAT, "sentences": len(sentences)}))
    return load_file(folder / "vectors.safetensors")["vectors"].float()


def _pooled(
    backbone: Backbone, texts: Encoded, places: Places, precision: Precision, pad_id: int, projection: nn.Module
) -> Tensor:
    arrays = texts.batch(places, pad_id=pad_id)
    ids, mask = (torch.from_numpy(array).to(precision.device) for array in arrays)
    with precision.running():
        hidden = backbone(ids, mask)
    return F.normalize(projection(backbone.pool(hidden.float(), mask)), dim=1)

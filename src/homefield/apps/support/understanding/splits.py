"""Which questions are learned from and which are held out, and which network learns them.

The questions are split before pairs are made (a dialogue and near-duplicates on one side), so what validation and
calibration say later is said of questions that nothing has seen, about answers that are known. Records in two languages
are learned by two networks, each from the questions in its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from homefield.apps.support.understanding.encoding import network_for
from homefield.apps.support.understanding.material import Material
from homefield.data.dataset import Dataset, SplitName
from homefield.data.language import language_of
from homefield.data.options import PrepareOptions
from homefield.data.prepare import prepare
from homefield.data.split import link
from homefield.errors import RecordsError
from homefield.events import Listener

__all__ = ["FEW", "Taught", "by_language", "split_questions"]

SHARES: Mapping[str, float] = {"train": 0.75, "validation": 0.10, "calibration": 0.15}
FEW = 2_000
"""Questions up to which none can be spared: they are judged crosswise (`fit`), and only the upper layers of a network
are tuned, so that small records are learned in seconds."""
FEW_SHARES: Mapping[str, float] = {"train": 0.80, "calibration": 0.20}
LEARNED = ("zh", "en")  # languages with a backbone of their own
OWN = (40, 0.1)  # questions, and share of all, from which a language has a network of its own
_TOO_LITTLE = {"data.one_class": 1, "data.all_rejected": 0, "data.no_rows": 0}  # answers that are left
_SPLITS: tuple[SplitName, ...] = ("train", "validation", "calibration")


@dataclass(frozen=True)
class Taught:
    """Questions of one split: what the network reads, the question alone, and the place of its matter. groups: those of
    one dialogue and near-duplicates have the same number."""

    texts: tuple[str, ...]
    questions: tuple[str, ...]
    matters: tuple[int, ...]
    groups: tuple[int, ...]

    def only(self, rows: Iterable[int]) -> Taught:
        """Some of them."""
        chosen = tuple(rows)
        parts = (self.texts, self.questions, self.matters, self.groups)
        return Taught(*(tuple(part[row] for row in chosen) for part in parts))  # type: ignore[arg-type]


def split_questions(
    material: Material, folder: Path, *, seed: int, listen: Listener
) -> tuple[Dataset, dict[SplitName, Taught]]:
    """Prepare the questions in `folder` and give those of each split.

    Raises:
        RecordsError: `support.too_little`, where what is left after cleaning leads to one answer; as `prepare`.
    """
    place = {answer: number for number, matter in enumerate(material.matters) for answer in matter.answers}
    examples = material.examples
    rows: dict[str, object] = {
        "text": [each.text for each in examples],
        "label": [str(place[each.answer]) for each in examples],
        "question": [each.question for each in examples],
    }
    if material.depth:
        rows["group"] = [each.dialogue for each in examples]
    folder.mkdir(parents=True)
    file = folder / "questions.parquet"
    pl.DataFrame(rows).write_parquet(file)
    shares = FEW_SHARES if len(examples) <= FEW else SHARES
    options = PrepareOptions(shares=shares, seed=seed, label_kind="category", suspects_rows=0)
    try:
        dataset = prepare([file], folder / "questions", columns={n: n for n in rows}, options=options, listen=listen)
    except RecordsError as error:  # of a file that nobody has seen: what is lacking in the user's is told
        if error.code not in _TOO_LITTLE:
            raise
        values = {"answers": _TOO_LITTLE[error.code], "questions": len(examples)}
        raise RecordsError("support.too_little", file=material.accounts[0].path, **values) from error
    found: dict[SplitName, Taught] = {}
    for split in _SPLITS:
        frame = dataset.frame(split)
        found[split] = Taught(
            tuple(frame["text"].to_list()),
            tuple(frame["question"].to_list()),
            tuple(int(label) for label in frame["label"].to_list()),
            _groups(frame),
        )
    return dataset, found


def by_language(material: Material, train: Taught, settings: Mapping[str, object]) -> Mapping[str, Taught]:
    """Train questions by the language of the network that is to learn them, the language of most first. One network
    where a backbone is named, and where hardly anybody asks in another language."""
    counts = Counter(language_of(question) for question in train.questions)
    least = max(OWN[0], OWN[1] * len(train.questions))
    written = {answer.language for answer in material.answers.values()}
    languages = [name for name, count in counts.most_common() if count >= least and name in written and name in LEARNED]
    if len(languages) < 2 or "backbone" in settings:
        return {(languages or ["en"])[0]: train}
    places: dict[str, list[int]] = {name: [] for name in languages}
    for row, text in enumerate(train.texts):
        places[network_for(text, languages)].append(row)
    return {name: train.only(rows) for name, rows in places.items()}


def _groups(frame: pl.DataFrame) -> tuple[int, ...]:
    if not len(frame):
        return ()
    names = [name for name in ("near", "group") if name in frame.columns]
    return tuple(link(*(frame[name].rank("dense").fill_null(0).to_numpy().astype("int64") for name in names)).tolist())

"""Near-duplicate grouping of many short texts: time, and how many of the planted near-duplicates are found.

Texts are made here, half in Chinese and half in English; a tenth of them are slight changes of another (a word more or
less, a letter, punctuation, case). Recall counts planted pairs whose similarity is at or above the threshold; precision
counts, among groups sampled, pairs joined in one step or over others of which at least one link is similar enough.

    python benchmarks/near_duplicates.py --rows 1000000 --json near.json
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from pathlib import Path

import numpy as np

from homefield.data.near import near_groups
from homefield.data.shingles import shingle

THRESHOLD = 0.8


def made(rows: int, seed: int) -> tuple[list[str], list[tuple[int, int]]]:
    """Texts, and which of them (place, place) is a slight change of which."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("aaabcdeeefghiiklmnooprrssttuuvwy", k=rng.randint(2, 9))) for _ in range(8000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    han = [chr(0x4E00 + rng.randrange(3000)) for _ in range(3000)]
    texts: list[str] = []
    planted: list[tuple[int, int]] = []
    while len(texts) < rows:
        if texts and rng.random() < 0.1:
            source = rng.randrange(len(texts))
            planted.append((source, len(texts)))
            texts.append(changed(rng, texts[source], words))
        elif rng.random() < 0.5:
            texts.append("".join(rng.choices(han, k=rng.randint(6, 40))))
        else:
            texts.append(" ".join(rng.choices(words, weights, k=rng.randint(4, 18))))
    return texts, planted


def changed(rng: random.Random, text: str, words: list[str]) -> str:
    """A slight change, as people make it who ask the same again."""
    place = rng.randrange(len(text))
    return rng.choice([
        text.upper(), text + rng.choice(["?", "!", "。", " ..."]), text[:place] + text[place + 1 :],
        text[:place] + text[place] + text[place:], f"{text} {rng.choice(words)}", text.replace(" ", "  "),
    ])  # fmt: skip


def similarity(one: str, two: str) -> float:
    """Jaccard similarity of the n-gram sets; 1 for equal keys."""
    both = shingle([one, two])
    if both.keys[0] == both.keys[1]:
        return 1.0
    left, right = (set(both.grams[both.offsets[i] : both.offsets[i + 1]].tolist()) for i in range(2))
    return len(left & right) / max(len(left | right), 1)


def main() -> None:
    """Make the texts, group them, compare with what was planted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    texts, planted = made(options.rows, options.seed)
    near_groups(texts[:100])  # builds the character tables
    start, processor = time.perf_counter(), time.process_time()
    groups = near_groups(texts, threshold=THRESHOLD)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    rng = random.Random(options.seed)
    checked = rng.sample(planted, min(20_000, len(planted)))
    similar = [(one, two) for one, two in checked if similarity(texts[one], texts[two]) >= THRESHOLD]
    found = sum(groups[one] == groups[two] for one, two in similar)
    result = {
        "rows": len(texts),
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "groups": int(groups.max()) + 1,
        "planted": len(planted),
        "recall": round(found / len(similar), 5),
        "precision": round(precision(texts, groups, rng), 5),
        "largest_group": int(np.bincount(groups).max()),
    }
    for key, value in result.items():
        print(f"{key:18} {value}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1), encoding="utf-8")


def precision(texts: list[str], groups: np.ndarray, rng: random.Random) -> float:
    """Share of rows in sampled groups of several that are similar enough to another row of their group."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(groups[order]) != 0))
    sizes = np.diff(np.append(starts, len(order)))
    several = np.flatnonzero(sizes > 1).tolist()
    right = total = 0
    for group in rng.sample(several, min(2000, len(several))):
        members = order[starts[group] : starts[group] + min(sizes[group], 30)].tolist()
        for one in members:
            total += 1
            right += any(one != two and similarity(texts[one], texts[two]) >= THRESHOLD for two in members)
    return right / max(total, 1)


if __name__ == "__main__":
    main()

"""How well a customer service understands: few examples, unknown inputs, risk budgets, questions that follow others.

One part and one seed at a time, each kept as a JSON file in --work, so that what was measured is not measured again:

    python benchmarks/support_quality.py few --seeds 0 1 2 3 4
    python benchmarks/support_quality.py unknown risk crosswoz --seeds 0
    python benchmarks/support_quality.py few --seeds 0 --set train=all

few: 10 random banking77 questions an intent, asked all of the test half. unknown: 43 of the intents of hwu64 are built
from, the other 21 are asked too. risk: banking77 and hwu64, the scores of their test rows cut 200 times into
calibration and test rows. crosswoz: agents' replies of unseen dialogues are the candidates of customers' turns, with
what was said before and without, weights fitted on other dialogues, beside BM25. (How often the right question is found
first on atec_pairs is `match_quality`.)
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import homefield
from homefield.apps.support.dialogues import Dialogue, read_dialogues
from homefield.apps.support.history import history_text, question_in
from homefield.apps.support.understanding.build import build
from homefield.apps.support.understanding.judging import Verdict, judge_release
from homefield.apps.support.understanding.lexicon import Lexicon
from homefield.apps.support.understanding.material import DEPTH
from homefield.apps.support.understanding.opened import open_answerer
from homefield.apps.support.understanding.weights import fit_weights
from homefield.bundle.registry import open_registry
from homefield.evaluate.retrieval import fit_bm25
from homefield.evaluate.risk import risk_threshold
from homefield.evaluate.significance import paired_bootstrap
from homefield.workspace import Workspace

SHARED = Path(os.environ.get("HOMEFIELD_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
DATA = SHARED / "support"
EXAMPLES, KNOWN, RESPLITS, RISK = 10, 43, 200, 0.02
# What speaks for a reply to a turn, and weights that are sensible before any turn was seen: cosine with the turn alone,
# words shared with it, cosine with the turn and what was said before, words shared with what was said before (none of a
# reply that was given there), and that it was not given before.
SIGNS = {"turn": 9.0, "turn_words": 2.0, "history": 9.0, "history_words": 2.0, "new": 1.0}
Numbers = Mapping[str, Any]


def main() -> None:
    """Measure what is not yet measured, and print means over seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=sorted(PARTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--set", nargs="*", default=[], help="recipe keys, KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/support_quality"))
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    settings = dict(pair.split("=", 1) for pair in given.set)
    for part in given.parts:
        found = [measured(part, seed, settings, given.work) for seed in given.seeds]
        shown = {key: [each[key] for each in found] for key in found[0] if isinstance(found[0][key], float)}
        print(f"{part:9} mean  " + "  ".join(f"{key} {statistics.mean(values):.4f}" for key, values in shown.items()))


def measured(part: str, seed: int, settings: Mapping[str, str], work: Path) -> Numbers:
    """The numbers of one part and seed: those kept, or new ones."""
    told = "".join(f"-{key}={value}" for key, value in sorted(settings.items()))
    file = work / f"{part}{told}-{seed}.json"
    if not file.is_file():
        began = time.perf_counter()
        folder = work / f"{part}{told}-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        numbers = PARTS[part](seed, settings, folder)
        file.write_text(json.dumps({**numbers, "seconds": time.perf_counter() - began}, indent=1), encoding="utf-8")
        shutil.rmtree(folder)
    found: Numbers = json.loads(file.read_text(encoding="utf-8"))
    print(f"{part:9} {seed:4}  " + "  ".join(f"{k} {v:.4f}" for k, v in found.items() if isinstance(v, float)))
    return found


def few(seed: int, settings: Mapping[str, str], folder: Path) -> Numbers:
    """banking77 with 10 questions an intent."""
    rows = pl.read_csv(DATA / "banking77_train.csv")
    chosen = rows.sample(fraction=1.0, shuffle=True, seed=seed).group_by("category", maintain_order=True).head(EXAMPLES)
    verdict = _judged(chosen, DATA / "banking77_test_half.csv", seed, settings, folder)
    return {"recall_1": verdict.numbers["recall_1"], "words": verdict.baseline}


def unknown(seed: int, settings: Mapping[str, str], folder: Path) -> Numbers:
    """hwu64 with 43 of its intents known."""
    rows, asked = pl.read_csv(DATA / "hwu64_train.csv"), DATA / "hwu64_test.csv"
    intents = sorted(rows["intent"].unique().to_list())
    known = np.random.default_rng(seed).permutation(intents)[:KNOWN].tolist()
    verdict = _judged(rows.filter(pl.col("intent").is_in(known)), asked, seed, settings, folder)
    return {key: verdict.numbers[key] for key in ("kept", "kept_right", "unknown_found", "recall_1")}


def risk(seed: int, settings: Mapping[str, str], folder: Path) -> Numbers:
    """How often a risk budget of 2 % is broken, and how much is answered automatically."""
    found: dict[str, float] = {}
    for name, test in (("banking77", "banking77_test_half"), ("hwu64", "hwu64_test")):
        place = folder / name
        place.mkdir()
        verdict = _judged(pl.read_csv(DATA / f"{name}_train.csv"), DATA / f"{test}.csv", seed, settings, place, RISK)
        sure, right = verdict.judged.asking.confidence, verdict.judged.correct
        np.savez_compressed(folder.parent / f"{name}-{seed}.npz", confidence=sure, correct=right)
        found[f"{name}_recall_1"] = float(verdict.numbers["recall_1"])
        found[f"{name}_broken"], found[f"{name}_automatic"] = resplit(sure, right, seed)
    return found


def resplit(sure: np.ndarray, right: np.ndarray, seed: int) -> tuple[float, float]:
    """The share of cuts into halves that break the budget on the other half, and the mean automatic rate there."""
    broken, automatic = [], []
    for cut in range(RESPLITS):
        order = np.random.default_rng([seed, cut]).permutation(len(sure))
        calibration, test = order[: len(order) // 2], order[len(order) // 2 :]
        limit = risk_threshold(sure[calibration], right[calibration], risk=RISK).threshold
        given = sure[test] >= limit
        automatic.append(float(given.mean()))
        broken.append(bool(given.any() and (~right[test][given]).mean() > RISK))
    return float(np.mean(broken)), float(np.mean(automatic))


@dataclass(frozen=True)
class Turns:
    """Customers' turns with what was said before, alone, and the agents' replies, of some dialogues. given: the replies
    that the agent gave before."""

    before: list[str]
    alone: list[str]
    replies: list[str]
    given: list[list[str]]


def crosswoz(seed: int, settings: Mapping[str, str], folder: Path) -> Numbers:
    """Agents' replies of unseen dialogues, ranked for customers' turns with and without what was said before."""
    dialogues = read_dialogues(DATA / "crosswoz_val.jsonl").dialogues
    order = np.random.default_rng(seed).permutation(len(dialogues))
    cut, held = len(order) // 5, len(order) // 20
    test, validation, train = (
        turns_of([dialogues[n] for n in part]) for part in (order[:cut], order[cut : cut + held], order[cut + held :])
    )
    texts = [*train.before, *train.alone]
    matcher = _matcher(texts, [*train.replies, *train.replies], seed, settings, folder)
    lexicon = Lexicon.of(texts, [*train.replies, *validation.replies, *test.replies])
    history, alone = (ranked(matcher, lexicon, validation, test, names) for names in (tuple(SIGNS), tuple(SIGNS)[:2]))
    bm25 = max((bm25_ranks(train, test, asked) for asked in (test.before, test.alone)), key=lambda r: (1 / r).mean())
    better = paired_bootstrap((1 / history)[:, None], (1 / alone)[:, None], lambda means: means[:, 0])
    found = {"history_gain": better.mean, "history_low": better.low}
    for name, ranks in (("history", history), ("alone", alone), ("bm25", bm25)):
        found |= {f"{name}_recall_1": float((ranks == 1).mean()), f"{name}_mrr": float((1 / ranks).mean())}
    return found


def _matcher(texts: list[str], others: list[str], seed: int, settings: Mapping[str, str], folder: Path) -> Any:
    """A network that learned which replies follow which turns."""
    pl.DataFrame({"text": texts, "other": others}).write_parquet(folder / "pairs.parquet")
    options: dict[str, Any] = {"shares": {"train": 1.0}, "near_threshold": 1.0, "label_kind": "none"}
    columns = {"text": "text", "other": "other"}
    data = homefield.prepare(folder / "pairs.parquet", folder / "data", columns=columns, suspects_rows=0, **options)
    keys: dict[str, Any] = {"report": False, "baseline": False, "estimate": False, **settings}
    workspace = Workspace(folder / "workspace")
    run = homefield.finetune(data=data.path, task="match", seed=seed, out=folder / "run", workspace=workspace, **keys)
    return homefield.load(homefield.export(run, folder / "model", workspace=workspace).path, workspace=workspace)


def turns_of(dialogues: Sequence[Dialogue]) -> Turns:
    """Each customer's turn that an agent replied to."""
    found = Turns([], [], [], [])
    for dialogue in dialogues:
        for at, (turn, reply) in enumerate(pairwise(dialogue.turns)):
            if turn.role == "customer" and reply.role == "agent":
                found.before.append(history_text(dialogue.turns[: at + 1], depth=DEPTH))
                found.alone.append(turn.text)
                found.replies.append(reply.text)
                found.given.append([each.text for each in dialogue.turns[:at] if each.role == "agent"])
    return found


def ranked(matcher: Any, lexicon: Lexicon, fitted: Turns, turns: Turns, names: Sequence[str]) -> np.ndarray:
    """The rank of each turn's own reply among all distinct replies by the `SIGNS` called `names`, weighed by what the
    turns `fitted` say; of equal scores the wrong ones go first."""
    (known, right), (asked, own) = (signs_of(matcher, lexicon, each, names) for each in (fitted, turns))
    weights = fit_weights(list(known), right.tolist(), start=np.array([SIGNS[name] for name in names]))
    scores = asked @ weights
    return np.asarray((scores >= scores[np.arange(len(own)), own][:, None]).sum(axis=1))


def signs_of(matcher: Any, lexicon: Lexicon, turns: Turns, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """`[N, C, S]` of N turns and C distinct replies, and the places of the turns' own replies `[N]`."""
    candidates = list(dict.fromkeys(turns.replies))
    told, said = matcher.encode(candidates).T, lexicon.rows(candidates).T
    places = {reply: place for place, reply in enumerate(candidates)}
    given = np.zeros((len(turns.given), len(candidates)), dtype=np.bool_)
    for row, replies in enumerate(turns.given):
        given[row, [places[reply] for reply in replies if reply in places]] = True
    earlier = [before[len(question_in(before)) :] for before in turns.before]
    made: dict[str, Callable[[], np.ndarray]] = {
        "turn": lambda: matcher.encode(turns.alone) @ told,
        "turn_words": lambda: (lexicon.rows(turns.alone) @ said).toarray(),
        "history": lambda: matcher.encode(turns.before) @ told,
        "history_words": lambda: np.where(given, 0.0, (lexicon.rows(earlier) @ said).toarray()),
        "new": lambda: np.where(given, 0.0, 1.0),
    }
    return np.stack([made[name]() for name in names], axis=2), np.array([places[reply] for reply in turns.replies])


def bm25_ranks(train: Turns, test: Turns, asked: Sequence[str]) -> np.ndarray:
    """The same by BM25, which knows how rare words are from the training dialogues and the candidates."""
    candidates = list(dict.fromkeys(test.replies))
    ranker = fit_bm25([*train.before, *train.replies, *candidates])
    scores = (ranker.asked(asked) @ ranker.stored(candidates).T).toarray()
    places = {reply: place for place, reply in enumerate(candidates)}
    own = scores[np.arange(len(asked)), [places[reply] for reply in test.replies]]
    return np.asarray((scores >= own[:, None]).sum(axis=1))


def _judged(
    rows: pl.DataFrame, asked: Path, seed: int, settings: Mapping[str, str], folder: Path, risk: float | None = None
) -> Verdict:
    """Build from question/intent rows and ask the questions of a file."""
    file = folder / "rows.csv"
    rows.write_csv(file)
    workspace = Workspace(folder / "workspace")
    columns = {"question": "text", "intent": next(name for name in rows.columns if name != "text")}
    build("bench", workspace=workspace, intents=file, columns=columns, seed=seed, settings=settings, risk=risk)
    with open_registry(workspace) as registry:
        answerer = open_answerer(registry, "bench@1")
    return judge_release(answerer, asked, columns)


PARTS: Mapping[str, Callable[[int, Mapping[str, str], Path], Numbers]] = {
    "few": few,
    "unknown": unknown,
    "risk": risk,
    "crosswoz": crosswoz,
}

if __name__ == "__main__":
    main()

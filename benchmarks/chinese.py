"""How good a Chinese backbone is on four public sets, beside TF-IDF and its own shape with random weights.

For each set and seed the texts are cut 80/20 (atec by connected component), prepared, and learned from; what the run
says of the held-out fifth is compared text by text. What each ranker said is a line of a JSON Lines file, so that a
sweep that was stopped goes on with what is missing; TF-IDF and random weights of one shape are computed once for all
backbones.

    python benchmarks/chinese.py --backbone run/backbone --log chinese.jsonl
    python benchmarks/chinese.py --backbone cnn-text --only thucnews finfe --seeds 0 --rows 1500
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import homefield
from homefield.backbones import resolve
from homefield.backbones.encode import encode
from homefield.backbones.encoder import Encoder
from homefield.backbones.load import load, rebuild
from homefield.backbones.own import write_own
from homefield.data import Dataset
from homefield.evaluate.answers import answer
from homefield.evaluate.baselines import tfidf_linear
from homefield.evaluate.calibration import Output, probabilities
from homefield.evaluate.matching import match_ranks
from homefield.evaluate.pairs import PairRows, distinct, frame_rows
from homefield.evaluate.retrieval import fit_tfidf
from homefield.evaluate.search import Search
from homefield.evaluate.significance import Difference, paired_bootstrap
from homefield.evaluate.thresholds import tune_thresholds
from homefield.tasks import task
from homefield.train import Run
from homefield.train.defaults import tokens_to_look_at
from homefield.train.distributed import Ranks
from homefield.train.feed import TokenFeed
from homefield.train.outputs import produce_outputs
from homefield.train.precision import Precision
from homefield.workspace import Workspace
from match_quality import prepared
from quality import SETS, cut, read

Array = NDArray[np.float64]
TFIDF = "tfidf"


@dataclass(frozen=True)
class Asked:
    """What a set is asked: its kind of output and its numbers, the one that decides first."""

    output: Output
    metrics: tuple[str, ...]


TASKS = {
    "thucnews": Asked("category", ("accuracy",)),
    "finfe": Asked("category", ("f1_macro", "accuracy")),
    "finnl": Asked("categories", ("f1_micro",)),
    "atec": Asked("vector", ("hit_1",)),
}


@dataclass(frozen=True)
class Ranker:
    """What is scored: `kind` is `backbone`, `random` or `tfidf`. name, content: in the log, and what it stands for."""

    kind: str
    name: str
    content: str = ""
    backbone: str = ""


def main() -> None:
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    args.log.parent.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(args.work / "workspace")
    several = rankers(args, workspace)
    found = []
    for name in args.only:
        for seed in args.seeds:
            found += scored(name, seed, several, args, workspace)
    print()
    for name in args.only:
        summary(name, several, [line for line in found if line["task"] == name])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", required=True, help="a folder or a name")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=0, help="of each set, the first so many; 0: all")
    parser.add_argument("--set", nargs="*", default=[], help="recipe keys, KEY=VALUE")
    parser.add_argument("--log", type=Path, default=Path("benchmarks/results/chinese/chinese.jsonl"))
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/chinese"))
    return parser.parse_args()


def rankers(args: argparse.Namespace, workspace: Workspace) -> list[Ranker]:
    """The backbone, its shape with random weights (a backbone without weights is that already), and TF-IDF."""
    source = resolve(args.backbone, workspace=workspace)
    counted = Ranker("tfidf", TFIDF)
    if source.facts.fresh:
        return [Ranker("backbone", source.name, source.name, args.backbone), counted]
    given = load(source)
    if not isinstance(given, Encoder):
        raise SystemExit(f"{args.backbone}: random weights are made for encoders alone")
    fresh = random_weights(given)
    content = fresh.content_hash(fresh.layers)[:16]
    folder = args.work / f"random-{content}"
    if not folder.is_dir():
        write_own(fresh, folder, weights="float32")
    return [
        Ranker("backbone", source.name, given.content_hash(given.layers)[:16], args.backbone),
        Ranker("random", "random start", content, str(folder)),
        counted,
    ]


def random_weights(given: Encoder) -> Encoder:
    """The same shape, tokenizer and n-grams, with the weights a network has before its first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = rebuild(given.blueprint(), given.tokenizer)
        assert isinstance(fresh, Encoder)
        fresh.initialise()
        if fresh.phrases is not None and given.phrases is not None:
            fresh.phrases.initialise(given.phrases.slots, given.phrases.checks)
    return fresh


def scored(
    name: str, seed: int, several: Sequence[Ranker], args: argparse.Namespace, workspace: Workspace
) -> list[dict[str, Any]]:
    """One line of the log for each ranker: from the log where it is there, else computed and appended."""
    done = [json.loads(line) for line in args.log.read_text().splitlines()] if args.log.is_file() else []
    dataset, found = None, []
    for ranker in several:
        keys = sorted(args.set) if ranker.kind != "tfidf" else []
        key = {"task": name, "seed": seed, "rows": args.rows, "content": ranker.content, "keys": keys}
        line = next((each for each in done if all(each[k] == v for k, v in key.items())), None)
        if line is None:
            dataset = dataset or cut_and_prepared(name, seed, args)
            began = time.perf_counter()
            said = told(name, seed, ranker, dataset, args, workspace)
            line = {**key, "name": ranker.name, **said, "seconds": round(time.perf_counter() - began, 1)}
            with args.log.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
        found.append({**line, "kind": ranker.kind})
        numbers = "  ".join(f"{metric} {value:.4f}" for metric, value in measured(name, [line]).items())
        print(f"{name:9} seed {seed}  {ranker.name:14} {numbers}  ({line['seconds']:.0f} s)", flush=True)
    return found


def cut_and_prepared(name: str, seed: int, args: argparse.Namespace) -> Dataset:
    folder = args.work / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if name == "atec":
        return prepared(seed, args.rows, folder)
    chosen = SETS[name]
    rows = read(chosen)
    train, test = cut(rows.head(args.rows) if args.rows else rows, chosen, seed, folder)
    columns = {"text": chosen.text, "label": chosen.label}
    return homefield.prepare(train, folder / "data", columns=columns, test=test, seed=seed)


def told(
    name: str, seed: int, ranker: Ranker, dataset: Dataset, args: argparse.Namespace, workspace: Workspace
) -> dict[str, Any]:
    """What a ranker says of the held-out texts: class by class, or the rank of the right candidate."""
    output = TASKS[name].output
    if ranker.kind == "tfidf":
        return counted_ranks(dataset) if output == "vector" else counted_labels(dataset, output, seed)
    folder = args.work / "work" / "run"
    shutil.rmtree(folder, ignore_errors=True)
    keys = {"metric": "mrr", "task": "match", "candidates": "split"} if output == "vector" else {}
    keys |= dict(pair.split("=", 1) for pair in args.set)
    run = homefield.finetune(
        data=dataset.path, backbone=ranker.backbone, seed=seed, out=folder, workspace=workspace,
        baseline=False, report=False, **keys,
    )  # fmt: skip
    return vector_ranks(run, dataset) if output == "vector" else labels_of(run, dataset, output)


def labels_of(run: Run, dataset: Dataset, output: Output) -> dict[str, Any]:
    """The run's answers, with its temperature and, of several labels, thresholds tuned on validation."""
    held, tuned = (
        probabilities(run.outputs(split).logits, output, run.temperature) for split in ("test", "validation")
    )
    return labels_said(held, tuned, dataset, output)


def counted_labels(dataset: Dataset, output: Output, seed: int) -> dict[str, Any]:
    """The answers of TF-IDF + linear, learned from the same training rows."""
    labels, texts = dataset.manifest.labels, {}
    for split in ("train", "validation", "test"):
        texts[split] = dataset.frame(split)["text"].to_list()
    model = tfidf_linear(
        texts["train"], targets(dataset, "train"), output, len(labels), seed=seed,
        validation=(texts["validation"], targets(dataset, "validation")),
    )  # fmt: skip
    return labels_said(model.scores(texts["test"]), model.scores(texts["validation"]), dataset, output)


def labels_said(
    held: NDArray[np.float32], tuned: NDArray[np.float32], dataset: Dataset, output: Output
) -> dict[str, Any]:
    truth = targets(dataset, "test")
    cuts = tune_thresholds(tuned, targets(dataset, "validation")) if output == "categories" else 0.5
    said = answer(held, output, cuts).predicted
    named = {"ids": identities(dataset.frame("test")["text"]), "labels": list(dataset.manifest.labels)}
    if output == "category":
        return {**named, "said": said.tolist(), "truth": np.asarray(truth).tolist()}
    return {**named, "said": [np.flatnonzero(row).tolist() for row in said],
            "truth": [np.flatnonzero(row).tolist() for row in truth]}  # fmt: skip


def targets(dataset: Dataset, split: Any) -> NDArray[Any]:
    kind = "multilabel" if dataset.manifest.label_kind == "categories" else "classify"
    return task(kind).targets(dataset.frame(split)["label"], dataset.manifest.labels)


def counted_ranks(dataset: Dataset) -> dict[str, Any]:
    """Where TF-IDF, counted over all candidates and the training texts, ranks the right candidates."""
    pairs, further = held_out_pairs(dataset)
    search = Search.of(pairs, further)
    training = frame_rows(dataset.frame("train"), noisy=False).strings
    counted = fit_tfidf(distinct([*search.candidates, *training]))
    return ranked(pairs, further, counted.rank(search).ranks)


def vector_ranks(run: Run, dataset: Dataset) -> dict[str, Any]:
    """Where the run's vectors rank the right candidates."""
    pairs, further = held_out_pairs(dataset)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = run.network().to(device)
    strings = [*pairs.strings, *further]
    feed = TokenFeed([encode(strings, network.backbone.tokenizer, network.info.max_length)], network.backbone.pad_id)
    made = produce_outputs(
        network, feed, None, size=network.outputs, width=0, tokens=tokens_to_look_at(device.type),
        precision=Precision("fp32", device), ranks=Ranks(),
    )  # fmt: skip
    own, beyond = made.logits[: len(pairs.strings)], made.logits[len(pairs.strings) :]
    return ranked(pairs, further, match_ranks(pairs, own, further, beyond).ranks)


def held_out_pairs(dataset: Dataset) -> tuple[PairRows, list[str]]:
    """The held-out pairs, and the candidates that the other splits add."""
    pairs = frame_rows(dataset.frame("test"), noisy=False)
    others = (dataset.frame(split)["other"].to_list() for split in ("validation", "calibration", "train"))
    own = set(pairs.others)
    return pairs, [text for text in distinct(chain.from_iterable(others)) if text not in own]


def ranked(pairs: PairRows, further: Sequence[str], ranks: NDArray[np.int64]) -> dict[str, Any]:
    search = Search.of(pairs, further)
    return {"ids": identities(search.queries), "said": ranks.tolist(), "candidates": len(search.candidates)}


def identities(texts: Iterable[str]) -> list[int]:
    """A number for each text, by which it is known again with other seeds and rankers."""
    return [zlib.crc32(text.encode()) for text in texts]


def contributions(name: str, lines: Sequence[dict[str, Any]]) -> dict[int, Array]:
    """By text, what it adds over all seeds to the counts that the task's numbers are made of.

    `[hits, said, true]`, class by class or of all together as the task's numbers ask, and how often it was asked.
    """
    found: dict[int, Array] = {}
    for line in lines:
        for identity, row in zip(line["ids"], _rows(name, line), strict=True):
            found[identity] = found[identity] + row if identity in found else row
    return found


def _rows(name: str, line: dict[str, Any]) -> Array:
    said, output = line["said"], TASKS[name].output
    if output == "vector":
        return np.array([[rank == 1, 1] for rank in said], dtype=np.float64)
    if output == "categories":
        both = [(set(one), set(other)) for one, other in zip(said, line["truth"], strict=True)]
        return np.array([[len(one & other), len(one), len(other), 1] for one, other in both], dtype=np.float64)
    each = np.eye(len(line["labels"]))
    ours, true = each[said], each[line["truth"]]
    return np.concatenate([ours * true, ours, true, np.ones((len(said), 1))], axis=1)


def statistic(metric: str) -> Callable[[Array], Array]:
    """The number as a function of mean contributions `[R, K]`."""

    def found(means: Array) -> Array:
        if metric == "hit_1":
            return np.asarray(means[:, 0] / means[:, -1])
        hits, said, true = np.split(means[:, :-1], 3, axis=1)
        if metric == "accuracy":
            return np.asarray(hits.sum(axis=1) / means[:, -1])
        if metric == "f1_micro":
            return np.asarray(2 * hits.sum(axis=1) / (said + true).sum(axis=1))
        return np.asarray((2 * hits / np.maximum(said + true, 1e-12)).mean(axis=1))

    return found


def measured(name: str, lines: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The means over seeds of the task's numbers."""
    by_seed = [np.stack(list(contributions(name, [line]).values())).mean(axis=0, keepdims=True) for line in lines]
    return {m: statistics.mean(float(statistic(m)(each)[0]) for each in by_seed) for m in TASKS[name].metrics}


def difference(name: str, metric: str, ours: Sequence[dict[str, Any]], rival: Sequence[dict[str, Any]]) -> Difference:
    """Ours less the rival's over all seeds; resampled are texts, with all that was said of a text on every seed."""
    first, second = contributions(name, ours), contributions(name, rival)
    assert first.keys() == second.keys(), "not the same rows"
    order = sorted(first)
    return paired_bootstrap(
        np.stack([first[text] for text in order]), np.stack([second[text] for text in order]), statistic(metric)
    )


def summary(name: str, several: Sequence[Ranker], lines: Sequence[dict[str, Any]]) -> None:
    """The means of every ranker, and how much better the backbone is than each of the others."""
    of = {ranker.kind: [line for line in lines if line["kind"] == ranker.kind] for ranker in several}
    numbers = {kind: measured(name, own) for kind, own in of.items()}
    for metric in TASKS[name].metrics:
        means = "  ".join(f"{r.name} {100 * numbers[r.kind][metric]:.2f}" for r in several)
        print(f"{name:9} {metric:9} seeds {len(of['backbone'])}  {means}")
        for ranker in several[1:]:
            gap = difference(name, metric, of["backbone"], of[ranker.kind])
            low, high = 100 * gap.low, 100 * gap.high
            print(f"{'':20} less {ranker.name}: {100 * gap.mean:+.2f} [{low:+.2f}, {high:+.2f}]", flush=True)


if __name__ == "__main__":
    main()

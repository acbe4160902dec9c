"""Which shape, objective and start a small budget serves best: backbones pre-trained under one clock, then scored.

Each choice learns from the same corpus for the same minutes on the same threads, and is fine-tuned and asked as in
`chinese.py`. Of masked learning with one tokenizer the perplexity of held-out text tells which is better as well; for a
fair clock the corpus is packed before the first choice begins. What was trained and scored is kept in --work, so that a
sweep that was stopped goes on with what is missing: train on a GPU with --sets and nothing behind it, score elsewhere.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/pretrain_choices.py --minutes 10 --only bundled-shape continued
    python benchmarks/pretrain_choices.py --minutes 10 --sets thucnews finfe --seeds 0 1 2
    python benchmarks/pretrain_choices.py --minutes 0.5 --sets --train step_tokens=16384
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import homefield
from chinese import TASKS, Ranker, measured, scored
from homefield.workspace import Workspace
from quality import SHARED

CORPUS = tuple(str(SHARED / "pretrain" / name) for name in ("zh_news.txt.xz", "zh_prose.txt.xz"))
FRESH = {"layers": 6, "width": 384, "heads": 6}
CHOICES: Mapping[str, Mapping[str, object]] = {
    "bundled-shape": FRESH,
    "continued": {"backbone": "minilm-en"},
    "narrow": {"layers": 4, "width": 256, "heads": 4},
    "deep": {"layers": 12, "width": 256, "heads": 4},
    "wide": {"layers": 3, "width": 512, "heads": 8},
    "no-n-grams": {**FRESH, "grams": 0},
    "long": {**FRESH, "length": 128, "long_length": 256},
    "replaced-token": {**FRESH, "objective": "replaced-token"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", nargs="+", choices=CHOICES, default=list(CHOICES))
    parser.add_argument("--sets", nargs="*", choices=TASKS, default=["thucnews", "finfe"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--rows", type=int, default=0, help="of each set, the first so many; 0: all")
    parser.add_argument(
        "--corpus", nargs="+", default=list(CORPUS), help="plain text files; others want another --work"
    )
    parser.add_argument("--train", nargs="*", default=[], help="keys of the pre-training recipe, KEY=VALUE")
    parser.add_argument("--set", nargs="*", default=[], help="keys of the fine-tuning recipe, KEY=VALUE")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/results/pretrain_choices"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    args.log = args.work / "scores.jsonl"
    workspace = Workspace(args.work / "workspace")
    packed(args, workspace)
    for name in args.only:
        backbone = trained(name, args, workspace)
        ranker = Ranker("backbone", name, str(backbone), str(backbone))
        for task in args.sets:
            lines = [line for seed in args.seeds for line in scored(task, seed, [ranker], args, workspace)]
            numbers = "  ".join(f"{metric} {value:.4f}" for metric, value in measured(task, lines).items())
            print(f"{name:14} {task:9} {len(lines)} seeds  {numbers}", flush=True)


def packed(args: argparse.Namespace, workspace: Workspace) -> None:
    """Packs the corpus into the workspace's cache with each tokenizer, by runs of one step."""
    missing = [CHOICES[name] for name in args.only if not (folder_of(name, args) / "done").is_file()]
    for start in dict.fromkeys(str(keys.get("backbone", "")) for keys in missing):
        folder = args.work / "packed"
        shutil.rmtree(folder, ignore_errors=True)
        small = {"backbone": start} if start else {"layers": 1, "width": 64, "heads": 1}
        homefield.pretrain(out=folder, workspace=workspace, corpus=args.corpus, tokens=1, **small)


def folder_of(name: str, args: argparse.Namespace) -> Path:
    """Where a choice's run lies."""
    return Path(args.work / f"{name}-{args.minutes:g}")


def trained(name: str, args: argparse.Namespace, workspace: Workspace) -> Path:
    """The backbone of a choice, trained now if it was not before."""
    folder = folder_of(name, args)
    if not (folder / "done").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        homefield.pretrain(
            out=folder, workspace=workspace, corpus=args.corpus, minutes=args.minutes, evaluations=2, name=name,
            **{**dict(pair.split("=", 1) for pair in args.train), **CHOICES[name]},
        )  # fmt: skip
        (folder / "done").touch()
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    print(
        f"{name:14} {record['parameters'] / 1e6:.1f} M weights, {record['steps']:,} steps, "
        f"{record['tokens'] / 1e6:.1f} M tokens in {record['seconds']['train']:.0f} s, {record['reached']}",
        flush=True,
    )
    return folder / "backbone"


if __name__ == "__main__":
    main()

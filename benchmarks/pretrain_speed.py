"""Masked language modelling: tokens per second beside a plain Transformers loop with a network of the same size.

The peer is what its documentation shows: `BertForMaskedLM` from a fresh configuration, float32, its dropout,
`DataCollatorForLanguageModeling`, AdamW, gradients clipped. Both learn from the same token numbers in batches of the
same size; the own loop draws whole-word masks, looks n-grams up and writes its log as in any run. Turns alternate, the
best of each counts, and nothing else should run on the machine: processor time is told beside, for when something does.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast, DataCollatorForLanguageModeling

from homefield.backbones.tokenizer import CORPUS_SPECIAL
from homefield.events import silent
from homefield.train.distributed import Ranks
from homefield.train.optimiser import Optimiser
from homefield.train.pretrain.bench import PretrainBench, lay_out
from homefield.train.pretrain.pack import Cut
from homefield.train.pretrain.recipe import PretrainRecipe, load_pretrain_recipe
from homefield.train.pretrain.steps import objective_of, trained_parts
from homefield.workspace import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, nargs="*", help="plain text files; made-up text when none")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--length", type=int, default=64, help="tokens of a sequence")
    parser.add_argument("--step-tokens", type=int, default=8192)
    parser.add_argument("--steps", type=int, default=4, help="timed steps of each turn, after one that is not")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = [str(file) for file in args.corpus or ()] or [_made_up(Path(folder))]
        keys = {"layers": args.layers, "width": args.width, "heads": args.heads, "length": args.length}
        recipe = load_pretrain_recipe(None, {**keys, "corpus": corpus, "tokens": 1, "step_tokens": args.step_tokens})
        bench = lay_out(recipe, Path(folder) / "run", Workspace(Path(folder)), Ranks(), silent)
        own, peer = _own(bench), _peer(bench)
        seconds: dict[str, list[float]] = {"homefield": [], "transformers": []}
        processor: dict[str, list[float]] = {"homefield": [], "transformers": []}
        for _ in range(args.turns):
            for name, step in (("homefield", own), ("transformers", peer)):
                step(0)
                began, worked = time.perf_counter(), time.process_time()
                for number in range(1, args.steps + 1):
                    step(number)
                seconds[name].append((time.perf_counter() - began) / args.steps)
                processor[name].append((time.process_time() - worked) / args.steps)
    speeds = {name: args.step_tokens / min(times) for name, times in seconds.items()}
    work = bench.model.work_per_token(args.length, bench.recipe.mask)
    share = speeds["homefield"] * work / 1e9 / bench.speed
    ratio = speeds["homefield"] / speeds["transformers"]
    print(f"{args.layers} x {args.width}, {args.length} tokens, {args.step_tokens} a step, {args.threads} threads")
    for name, speed in speeds.items():
        print(f"{name:14}{speed:10,.0f} tokens/s, {min(processor[name]):8.2f} s of processor time a step")
    spared = min(processor["transformers"]) / min(processor["homefield"])
    print(f"{ratio:.2f} times as fast, {spared:.2f} times by processor time")
    print(f"{share:.0%} of this machine's {bench.speed:.0f} GFLOP/s of matrix products ({bench.precision.arithmetic})")
    if args.json:
        found = {
            "tokens_per_second": speeds,
            "ratio": ratio,
            "ratio_processor": spared,
            "machine": share,
            "precision": bench.precision.arithmetic,
        }
        args.json.write_text(json.dumps(found, indent=1) + "\n")


def _own(bench: PretrainBench) -> Callable[[int], None]:
    """The step of the loop: parts, gradients collected, one update."""
    recipe: PretrainRecipe = bench.recipe
    optimiser = Optimiser(trained_parts(bench), bench.precision.masters(bench.model.backbone), recipe)
    cut = Cut(recipe.length)
    objective = objective_of(bench, lambda: cut)
    assert isinstance(recipe.step_tokens, int)
    assert isinstance(recipe.part_tokens, int)
    batch, part = recipe.step_tokens // recipe.length, recipe.part_tokens // recipe.length
    bench.model.train()

    def step(number: int) -> None:
        rows = (np.arange(batch) + number * batch) % cut.rows(len(bench.packed.learn))
        weight = torch.zeros(())
        for start in range(0, batch, part):
            loss, count = objective(rows[start : start + part], 0)
            loss.backward()
            optimiser.collect()
            weight += count
        optimiser.step(weight, 1.0)

    return step


def _peer(bench: PretrainBench) -> Callable[[int], None]:
    """The same tokens through Transformers, as its examples do it."""
    shape, recipe = bench.model.backbone.shape, bench.recipe
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=shape.inner,
            max_position_embeddings=shape.positions,
        )
    ).train()
    tokenizer = BertTokenizerFast(tokenizer_object=bench.model.backbone.tokenizer, mask_token="[MASK]")
    assert tokenizer.convert_tokens_to_ids("[MASK]") == CORPUS_SPECIAL.index("[MASK]")
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=recipe.mask)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    cut = Cut(recipe.length)
    assert isinstance(recipe.step_tokens, int)
    batch = recipe.step_tokens // recipe.length

    def step(number: int) -> None:
        rows = (np.arange(batch) + number * batch) % cut.rows(len(bench.packed.learn))
        ids, _ = bench.packed.learn.batch(rows, cut, first=bench.first)
        inputs = collate([{"input_ids": row.tolist()} for row in ids])
        model(**inputs).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def _made_up(folder: Path) -> str:
    """Lines of common Chinese characters: speed does not depend on what is said."""
    random = np.random.default_rng(0)
    characters = np.array([chr(code) for code in range(0x4E00, 0x4E00 + 6_000)])
    chances = 1 / np.arange(1, len(characters) + 1)
    drawn = random.choice(characters, size=(4_000, 200), p=chances / chances.sum())
    file = folder / "texts.txt"
    file.write_text("\n".join("".join(line) for line in drawn), encoding="utf-8")
    return str(file)


if __name__ == "__main__":
    main()

"""How fast a model answers: int8 in ONNX Runtime beside transformers.pipeline with the same weights.

Wanted: at least 12 times the pipeline's p50, one text at a time and in batches of 32. Each contender has a process of
its own (so that neither holds the other's processor), and they take turns in one run; the answers are compared too.
The pipeline is asked with every core and with one, since on a machine that does something else besides PyTorch's
threads wait for each other and one is quicker; a ratio is to whichever of the two was quicker in that round.
Without `--model` a model is made of minilm-en with a random head of 77 labels and 10,000 rows of evidence: speed does
not depend on what it learned, while answers of chance differ more in int8 than learned ones. Exit code 1 when the ratio
is not reached.

    python benchmarks/inference.py --rounds 7 --json inference.json
    python benchmarks/inference.py --model DIR --texts ../shared/data/support/banking77_test_half.csv
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WANTED = 12.0
BATCH = 32
PIPELINES = ("transformers.pipeline", "the same, one thread")
CONTENDERS = {
    PIPELINES[0]: "fp32, torch",
    PIPELINES[1]: "fp32, torch",
    "onnxruntime session": "int8, texts encoded beforehand",
    "Predictor, no evidence": "int8",
    "Predictor, 3 rows of evidence": "int8",
    "Predictor fp32, no evidence": "fp32",
}
WORDS = "my card has not arrived where can find the status of transfer sent last week please help me change number"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, metavar="DIR", help="an exported model instead of a made one")
    parser.add_argument("--texts", type=Path, metavar="FILE", help="records to ask, instead of texts of 20 tokens")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contender")
    parser.add_argument("--seconds", type=float, default=1.5, help="of one turn, for each of the two ways of asking")
    parser.add_argument("--threads", type=int, help="of every contender; default: physical cores")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    parser.add_argument("--work", nargs=4, metavar=("NAME", "MODEL", "TEXTS", "THREADS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(*args.work)
        return 0
    from homefield.serve.machine import physical_cores

    threads = args.threads or physical_cores()
    with tempfile.TemporaryDirectory() as folder:
        model = args.model or make_model(Path(folder) / "model")
        asked = Path(folder) / "texts.json"
        asked.write_text(json.dumps(read_texts(args.texts)), encoding="utf-8")
        found = measure(model, asked, threads, rounds=args.rounds, seconds=args.seconds)
    reached = show(found)
    if args.json:
        args.json.write_text(json.dumps({"threads": threads, "contenders": found}, indent=1) + "\n")
    return 0 if reached else 1


def measure(model: Path, texts: Path, threads: int, *, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """Every contender's p50 and rate, and the share of its answers that are the pipeline's."""
    times: dict[str, dict[int, list[float]]] = {name: {1: [], BATCH: []} for name in CONTENDERS}
    answers = {}
    with workers(model, texts, threads) as ask:
        for name in CONTENDERS:
            answers[name] = ask(name, {"answers": True})["answers"]
        for _ in range(rounds):
            for name in CONTENDERS:
                for batch in (1, BATCH):
                    times[name][batch].append(ask(name, {"batch": batch, "seconds": seconds})["p50"])
                    time.sleep(0.05)
    found = {}
    for name in CONTENDERS:
        one, many = (statistics.median(times[name][batch]) for batch in (1, BATCH))
        pairs = list(zip(answers[name], answers[PIPELINES[0]], strict=True))
        ratio = {b: ratios(quicker(*(times[peer][b] for peer in PIPELINES)), times[name][b]) for b in (1, BATCH)}
        found[name] = {
            "one_p50_ms": 1000 * one, "one_per_second": 1 / one, "one_ratio": ratio[1],
            "batch_p50_ms": 1000 * many, "batch_per_second": BATCH / many, "batch_ratio": ratio[BATCH],
            "same_answers": sum(a == b for a, b in pairs) / len(pairs),
        }  # fmt: skip
    return found


def quicker(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """The lesser time of each round."""
    return [min(both) for both in zip(first, second, strict=True)]


def ratios(peer: Sequence[float], ours: Sequence[float]) -> float:
    """The median over rounds of how many times the peer takes: what slows one round slows both."""
    return statistics.median(a / b for a, b in zip(peer, ours, strict=True))


def show(found: dict[str, dict[str, float]]) -> bool:
    """Print the table; whether the wanted ratio is reached by the Predictor without evidence."""
    heads = ["one: p50 ms", "texts/s", "ratio", f"{BATCH}: p50 ms", "texts/s", "ratio", "same"]
    print(" " * 30, *(f"{head:>{width}}" for head, width in zip(heads, (12, 8, 6, 12, 8, 6, 7), strict=True)))
    for name, row in found.items():
        print(f"{name:30} {row['one_p50_ms']:12.2f} {row['one_per_second']:8.0f} {row['one_ratio']:6.1f}"
              f" {row['batch_p50_ms']:12.1f} {row['batch_per_second']:8.0f} {row['batch_ratio']:6.1f}"
              f" {row['same_answers']:7.1%}")  # fmt: skip
    ours = found["Predictor, no evidence"]
    reached = min(ours["one_ratio"], ours["batch_ratio"]) >= WANTED
    print(f"wanted: {WANTED:g} times the pipeline, both ways: {'reached' if reached else 'not reached'}")
    return reached


@contextmanager
def workers(model: Path, texts: Path, threads: int) -> Iterator[Callable[[str, dict[str, Any]], dict[str, Any]]]:
    """A process for each contender; gives a function that asks one and waits for its reply."""
    processes = {}
    for name in CONTENDERS:
        command = [sys.executable, __file__, "--work", name, str(model), str(texts), str(threads)]
        processes[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(name: str, request: dict[str, Any]) -> dict[str, Any]:
        process = processes[name]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        reply: dict[str, Any] = json.loads(process.stdout.readline())
        return reply

    try:
        yield ask
    finally:
        for process in processes.values():
            process.stdin.close()  # type: ignore[union-attr]
            process.wait()


def work(name: str, model: str, texts: str, threads: str) -> None:
    """Answer requests on stdin, one JSON object a line."""
    asked: list[str] = json.loads(Path(texts).read_text(encoding="utf-8"))
    contender = {
        PIPELINES[0]: pipeline,
        PIPELINES[1]: lambda model, asked, _: pipeline(model, asked, 1),
        "onnxruntime session": session,
    }.get(name, lambda *given: predictor(*given, name=name))(Path(model), asked, int(threads))
    for line in sys.stdin:
        request = json.loads(line)
        if "answers" in request:
            reply: dict[str, Any] = {"answers": contender(list(range(min(256, len(asked)))))}
        else:
            reply = {"p50": p50(contender, len(asked), request["batch"], request["seconds"])}
        print(json.dumps(reply), flush=True)


def p50(contender: Callable[[list[int]], list[str]], texts: int, batch: int, seconds: float) -> float:
    """Median time of a call, in seconds, over at least 8 calls."""
    calls = []
    place, end = 0, time.perf_counter() + seconds
    while len(calls) < 8 or time.perf_counter() < end:
        some = [(place + more) % texts for more in range(batch)]
        place += batch
        begun = time.perf_counter()
        contender(some)
        calls.append(time.perf_counter() - begun)
    return statistics.median(calls)


def predictor(model: Path, texts: list[str], threads: int, *, name: str) -> Callable[[list[int]], list[str]]:
    from homefield.bundle import open_bundle
    from homefield.serve import Predictor

    made = Predictor(open_bundle(model), precision="fp32" if "fp32" in name else "int8", threads=threads)
    evidence = 3 if "3 rows" in name else 0

    def answer(places: list[int]) -> list[str]:
        found = made.predict([texts[place] for place in places], evidence=evidence)
        return [str(one.label) for one in found]

    return answer


def session(model: Path, texts: list[str], threads: int) -> Callable[[list[int]], list[str]]:
    from homefield.bundle import open_bundle
    from homefield.serve import Predictor
    from homefield.serve.predictor import TOKENS

    made = Predictor(open_bundle(model), threads=threads)
    ids = made.reader.read(texts).ids
    labels = made.manifest.labels
    batches: dict[tuple[int, ...], Any] = {}

    def answer(places: list[int]) -> list[str]:
        key = tuple(places)
        if key not in batches:
            some = [ids[place] for place in places]
            batches[key] = made.reader.batches(some, tokens=TOKENS, cores=made.network.cores.count)
        found = [""] * len(places)
        passed = made.network.cores.each(lambda batch: made.network(batch.ids, batch.mask), batches[key])
        for batch, (logits, _) in zip(batches[key], passed, strict=True):
            for row, place in enumerate(batch.places):
                found[place] = labels[logits[row].argmax()]
        return found

    # Encoded before anything is timed: what is measured is the network alone.
    for start in range(len(texts)):
        answer([start])
    for start in range(0, len(texts) * BATCH, BATCH):
        answer([(start + more) % len(texts) for more in range(BATCH)])
    return answer


def pipeline(model: Path, texts: list[str], threads: int) -> Callable[[list[int]], list[str]]:
    import torch
    from transformers import logging
    from transformers import pipeline as make_pipeline

    torch.set_num_threads(threads)
    logging.set_verbosity_error()  # that it does not know our class, whose outputs are what it wants
    network, tokenizer = as_transformers(model)
    made = make_pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu")

    def answer(places: list[int]) -> list[str]:
        some = [texts[place] for place in places]
        found = made(some[0]) if len(some) == 1 else made(some, batch_size=len(some))
        return [one["label"] for one in found]

    return answer


def as_transformers(model: Path) -> tuple[Any, Any]:
    """The model's weights in the classes of Transformers: its BERT, the mean of its tokens, a linear layer."""
    import torch
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel, BertPreTrainedModel, PreTrainedTokenizerFast
    from transformers.modeling_outputs import SequenceClassifierOutput

    from homefield.train.run import read_network

    ours = read_network(model / "weights")
    shape = ours.backbone.shape

    class MeanPooled(BertPreTrainedModel):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.bert = BertModel(config, add_pooling_layer=False)
            self.classifier = torch.nn.Linear(config.hidden_size, config.num_labels)
            self.post_init()

        def forward(self, input_ids: Any, attention_mask: Any, **_: Any) -> Any:
            hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weights = attention_mask.to(hidden.dtype).unsqueeze(-1)
            return SequenceClassifierOutput(logits=self.classifier((hidden * weights).sum(1) / weights.sum(1)))

    labels = dict(enumerate(ours.info.labels))
    config = BertConfig(
        vocab_size=shape.vocabulary, hidden_size=shape.width, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, intermediate_size=shape.inner, max_position_embeddings=shape.positions,
        type_vocab_size=shape.types, layer_norm_eps=shape.eps, id2label=labels,
        label2id={label: place for place, label in labels.items()},
    )  # fmt: skip
    network = MeanPooled(config).eval()
    network.load_state_dict(bert_weights(ours), strict=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_file(str(model / "weights" / "tokenizer.json")),
        pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]",
        model_max_length=ours.info.max_length,
    )  # fmt: skip
    return network, tokenizer


def bert_weights(ours: Any) -> dict[str, Any]:
    """Our names to BERT's; query, key and value are one matrix here."""
    state = dict(ours.backbone.state_dict())
    found = {
        "bert.embeddings.word_embeddings.weight": state["words.weight"],
        "bert.embeddings.position_embeddings.weight": state["positions"],
        "bert.embeddings.token_type_embeddings.weight": state["types"],
        "bert.embeddings.LayerNorm.weight": state["embedding_norm.weight"],
        "bert.embeddings.LayerNorm.bias": state["embedding_norm.bias"],
        "classifier.weight": ours.head[-1].weight,
        "classifier.bias": ours.head[-1].bias,
    }
    names = {
        "out": "attention.output.dense", "attention_norm": "attention.output.LayerNorm", "up": "intermediate.dense",
        "down": "output.dense", "output_norm": "output.LayerNorm",
    }  # fmt: skip
    for layer in range(ours.backbone.layers):
        for kind in ("weight", "bias"):
            there = f"bert.encoder.layer.{layer}."
            qkv = state[f"blocks.{layer}.qkv.{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), qkv, strict=True):
                found[f"{there}attention.self.{name}.{kind}"] = part
            for mine, its in names.items():
                found[f"{there}{its}.{kind}"] = state[f"blocks.{layer}.{mine}.{kind}"]
    return found


def read_texts(file: Path | None) -> list[str]:
    """Texts of 20 tokens (18 words and two special ones), or those of a file."""
    if file is not None:
        from homefield.data import read_records

        return [text for block in read_records([file], columns={}) for text in block["text"].to_list() if text][:512]
    import random

    draw = random.Random(0)
    return [" ".join(draw.choices(WORDS.split(), k=18)) for _ in range(256)]


def make_model(folder: Path, how: str = "all") -> Path:
    """minilm-en with a random head of 77 labels, evidence and unknown score fitted on texts of chance.

    how: as if it had been trained so: what that leaves frozen is a part of its own.
    """
    import numpy as np
    import polars as pl
    import torch

    from homefield.backbones.catalogue import resolve
    from homefield.backbones.how import parse_how
    from homefield.backbones.layers import apply_how
    from homefield.backbones.load import load
    from homefield.bundle import BundleManifest, Cleaning, Thresholds, new_bundle
    from homefield.data.mask import KINDS
    from homefield.evaluate.unknown import fit_unknown
    from homefield.ship.decisions import unknown_arrays
    from homefield.ship.evidence import principal_axes
    from homefield.ship.forms import Forms
    from homefield.ship.graphs import export_graphs
    from homefield.ship.quantise import WAYS, quantise
    from homefield.tasks import task
    from homefield.train.network import Network, NetworkInfo
    from homefield.train.run import write_network
    from homefield.workspace import find_workspace

    print("making a model of minilm-en ...", file=sys.stderr)
    torch.manual_seed(0)
    backbone = load(resolve("minilm-en", languages={"en": 1}, workspace=find_workspace()))
    labels = tuple(f"label {place}" for place in range(77))
    frozen_to = apply_how(backbone, parse_how(how))
    info = NetworkInfo("classify", "category", labels, how, frozen_to, 128, 0.0)
    network = Network(backbone, task("classify").head(backbone.width, len(labels), 0.0), info).eval()
    with torch.no_grad():
        network.head[-1].weight.mul_(100)
    with new_bundle(folder) as draft:
        manifest = BundleManifest(
            name="benchmark", version=1, created="", program="", task="classify", output="category", metric="accuracy",
            labels=labels, languages={}, backbone=backbone.facts.as_json(), how=how, frozen_to=frozen_to,
            max_length=128, pad_id=backbone.pad_id, width=backbone.width, cleaning=Cleaning(tuple(KINDS), 100_000),
            parts={}, thresholds=Thresholds(unknown=0.99),
        )  # fmt: skip
        forms = Forms(draft, manifest, None)
        graphs = export_graphs(network)
        forms.write("fp32", graphs)
        forms.write("int8", quantise(graphs, WAYS[0]))
        write_network(network, draft.folder / "weights", extra={})
        random = np.random.default_rng(0)
        vectors = (random.normal(size=(77, 384))[np.arange(10_000) % 77] + random.normal(size=(10_000, 384))) / 30
        unknown = fit_unknown(
            vectors, np.arange(10_000) % 77, output="category", size=77, validation_vectors=vectors[:500],
            validation_logits=random.normal(size=(500, 77)),
        )  # fmt: skip
        draft.write_unknown(unknown_arrays(unknown))
        texts = [f"row {place}" for place in range(10_000)]
        rows = pl.DataFrame({"text": texts, "label": "label 0", "source": "made", "row": list(range(1, 10_001))})
        draft.write_evidence(rows, vectors.astype(np.float16), principal_axes(vectors.astype(np.float32)))
        draft.manifest = forms.manifest
    return folder


if __name__ == "__main__":
    sys.exit(main())

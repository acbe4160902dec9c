"""Finished runs made in a moment: a small encoder with random weights and a head solved by least squares."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from homefield.backbones.encode import encode
from homefield.backbones.encoder import Encoder, Shape
from homefield.backbones.facts import Facts
from homefield.backbones.how import parse_how
from homefield.backbones.layers import apply_how
from homefield.backbones.tokenizer import train_tokenizer
from homefield.data import PrepareOptions, prepare
from homefield.data.dataset import SPLITS, Dataset
from homefield.evaluate.pairs import frame_rows
from homefield.tasks import task
from homefield.train.network import Network, NetworkInfo
from homefield.train.recipe import Recipe, write_recipe
from homefield.train.run import Run, open_run, write_network

TOPICS = {
    "card": ["my card was stolen", "the card is lost", "card payment failed", "replace my card please", "card blocked"],
    "loan": ["what is the loan rate", "loan for a house", "repay my loan early", "loan was refused", "loan papers"],
    "login": ["cannot log in", "forgot my password", "reset the password", "login code missing", "account locked"],
    "退款": ["退款什么时候到账", "我要退款", "退款被拒绝了", "退款金额不对", "怎么申请退款"],
}
WORDS = ["today", "again", "please", "help", "thanks", "urgent", "on", "my", "phone", "the", "app", "谢谢", "急", "now"]


def write_records(path: Path, *, kind: str = "category", count: int = 400, seed: int = 0) -> Path:
    """Questions with a label of the given kind; every text is different."""
    random = np.random.default_rng(seed)
    names = list(TOPICS)
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["text", "label"])
        for place in range(count):
            first, second = names[place % 4], names[int(random.integers(4))]
            words = [str(random.choice(TOPICS[first])), *map(str, random.choice(WORDS, size=2))]
            label: Any = first
            if kind == "categories":
                words.append(str(random.choice(TOPICS[second])))
                label = json.dumps(sorted({first, second}), ensure_ascii=False)
            elif kind == "number":
                label = 10.0 * names.index(first) + float(random.integers(3))
            out.writerow([" ".join(words), label])
    return path


def make_dataset(folder: Path, *, kind: str = "category", count: int = 400, seed: int = 0) -> Dataset:
    folder.mkdir(parents=True, exist_ok=True)
    records = write_records(folder / "records.csv", kind=kind, count=count, seed=seed)
    options = PrepareOptions(
        shares={"train": 0.5, "validation": 0.2, "calibration": 0.2, "test": 0.1},
        near_threshold=1.0,
        suspects_rows=0,
        label_kind=kind,
    )
    columns = {"text": "text", "label": "label"}
    return prepare([records], folder / "dataset", columns=columns, options=options)


def small_encoder(texts: Sequence[str], *, layers: int = 2, width: int = 32, seed: int = 7) -> Encoder:
    tokenizer = train_tokenizer(texts)
    shape = Shape(tokenizer.get_vocab_size(), width, layers, heads=4, inner=2 * width, positions=64)
    encoder = Encoder(Facts("small", layers, width, 64, source="tests", licence="none"), tokenizer, shape)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.1 * noise if name.endswith("norm.weight") else 0.1 * noise)
    return encoder.eval()


def make_run(folder: Path, dataset: Dataset, *, how: str = "all", seed: int = 7, head_seed: int = 0) -> Run:
    """A finished run in `folder`. The same `seed` gives the same backbone whatever `head_seed` is."""
    kind = {"category": "classify", "categories": "multilabel", "number": "regress"}[dataset.manifest.label_kind]
    learned = task(kind)
    labels = dataset.manifest.labels
    train = dataset.frame("train")
    encoder = small_encoder(train["text"].to_list(), seed=seed)
    frozen_to = apply_how(encoder, parse_how(how))
    torch.manual_seed(head_seed)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "lora_B" in name or (frozen_to and f"blocks.{encoder.layers - 1}" in name and "lora" not in name):
                parameter.add_(0.02 * torch.randn_like(parameter))
    targets = learned.targets(train["label"], labels)
    fitted = learned.fit(targets)
    head = fitted.head(encoder.width, fitted.size(labels), 0.0)
    info = NetworkInfo(kind, fitted.output, labels, how, frozen_to, 32, 0.0)
    network = Network(encoder, head, info).eval()
    _solve(network, train["text"].to_list(), targets)
    folder.mkdir(parents=True)
    write_recipe(Recipe(data=str(dataset.path), train=how), folder / "recipe.toml")
    write_network(network, folder / "weights", extra={})
    for split in ("validation", "calibration", "test"):
        logits, vectors = forward(network, dataset.frame(split)["text"].to_list())
        (folder / "outputs").mkdir(exist_ok=True)
        arrays = {"logits": logits, "vectors": vectors.astype(np.float16)}
        save_file(arrays, folder / "outputs" / f"{split}.safetensors")
    record = {
        "status": "finished",
        "dataset": {"path": str(dataset.path), "hash": dataset.manifest.hash},
        "frozen_to": frozen_to,
        "labels": list(labels),
        "how": how,
    }
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return open_run(folder)


def write_pair_records(path: Path, *, labelled: bool = True, count: int = 300, seed: int = 0) -> Path:
    """Questions beside the same question in other words, or, a third of them, beside another one."""
    random = np.random.default_rng(seed)
    flat = [question for questions in TOPICS.values() for question in questions]
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["text", "other", "same"] if labelled else ["text", "other"])
        for place in range(count):
            question, same = flat[place % len(flat)], not labelled or place % 3 > 0
            stated = question if same else flat[(place + 1 + int(random.integers(len(flat) - 1))) % len(flat)]
            first, second = (" ".join(map(str, random.choice(WORDS, size=2))) for _ in range(2))
            row = [f"{question} {first} {place}", f"{second} {stated} no {place}"]
            out.writerow([*row, int(same)] if labelled else row)
    return path


def make_pair_dataset(folder: Path, *, labelled: bool = True, count: int = 300) -> Dataset:
    folder.mkdir(parents=True, exist_ok=True)
    records = write_pair_records(folder / "records.csv", labelled=labelled, count=count)
    shares = {"train": 0.4, "validation": 0.25, "calibration": 0.25, "test": 0.1}
    options = PrepareOptions(shares=shares, near_threshold=1.0, suspects_rows=0)
    return prepare([records], folder / "dataset", columns={"text": "text", "other": "other"}, options=options)


def make_pair_run(folder: Path, dataset: Dataset, *, how: str = "all") -> Run:
    """A finished run whose vectors are those of a random encoder: texts that share words lie close."""
    pairs = {split: frame_rows(dataset.frame(split), noisy=split != "train") for split in SPLITS}
    encoder = small_encoder(pairs["train"].strings)
    frozen_to = apply_how(encoder, parse_how(how))
    network = Network(encoder, task("match").head(encoder.width, 0, 0.0), NetworkInfo(
        "match", "vector", (), how, frozen_to, 32, 0.0
    )).eval()  # fmt: skip
    folder.mkdir(parents=True)
    write_recipe(Recipe(data=str(dataset.path), train=how, task="match"), folder / "recipe.toml")
    write_network(network, folder / "weights", extra={})
    (folder / "outputs").mkdir()
    for split in ("validation", "calibration", "test"):
        vectors, _ = forward(network, pairs[split].strings)
        empty = np.zeros((len(vectors), 0), dtype=np.float16)
        save_file({"logits": vectors, "vectors": empty}, folder / "outputs" / f"{split}.safetensors")
    record = {
        "status": "finished",
        "dataset": {"path": str(dataset.path), "hash": dataset.manifest.hash},
        "frozen_to": frozen_to,
        "labels": [],
        "how": how,
        "output": "vector",
    }
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return open_run(folder)


def forward(network: Network, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    encoded = encode(texts, network.backbone.tokenizer, network.info.max_length)
    ids, mask = encoded.batch(np.arange(len(texts)), pad_id=network.backbone.pad_id)
    with torch.no_grad():
        logits, vectors = network(torch.from_numpy(ids), torch.from_numpy(mask))
    return logits.numpy(), vectors.numpy()


def _solve(network: Network, texts: Sequence[str], targets: np.ndarray) -> None:
    """Ridge regression from vectors to the targets, spread out so that answers are sure."""
    _, vectors = forward(network, texts)
    if network.info.output == "category":
        wanted = 8.0 * (np.eye(len(network.info.labels))[targets] - 0.5)
    elif network.info.output == "categories":
        wanted = 8.0 * (targets - 0.5)
    else:
        wanted = (targets - targets.mean()) / (targets.std() or 1.0)
    rows = np.concatenate([vectors, np.ones((len(vectors), 1))], axis=1).astype(np.float64)
    solved = np.linalg.solve(rows.T @ rows + 1.0 * np.eye(rows.shape[1]), rows.T @ wanted)
    linear = next(module for module in network.head.modules() if isinstance(module, torch.nn.Linear))
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(solved[:-1].T))
        linear.bias.copy_(torch.from_numpy(solved[-1]))

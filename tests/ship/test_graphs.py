from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from homefield.backbones.catalogue import resolve
from homefield.backbones.load import load
from homefield.errors import Refused
from homefield.messages import Language
from homefield.serve.network import open_session
from homefield.ship.graphs import export_graphs
from homefield.ship.quantise import WAYS, quantise
from homefield.tasks import task
from homefield.train.network import Network, NetworkInfo
from homefield.workspace import Workspace

from .models import Made

TEXTS = ["where is my card", "退款什么时候到账", "hello"] * 5


def network_of(name: str, tmp_path: Path) -> Network:
    source = resolve(name, languages={"en": 10}, workspace=Workspace(tmp_path))
    backbone = load(source, tokenizer_texts=TEXTS, seed=0)
    learned = task("classify")
    torch.manual_seed(0)
    info = NetworkInfo("classify", "category", ("a", "b", "c"), "all", 0, 48, 0.0)
    network = Network(backbone, learned.head(backbone.width, 3, 0.0), info).eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network


@pytest.mark.parametrize("name", ["cnn-text", "bigru"])
def test_networks_trained_from_scratch_answer_alike_at_every_length(name: str, tmp_path: Path) -> None:
    network = network_of(name, tmp_path)
    graphs = export_graphs(network)
    session = open_session(graphs.head, threads=1)
    quantised = open_session(quantise(graphs, WAYS[0]).head, threads=1)
    generator = torch.Generator().manual_seed(0)
    for batch, length in ((1, 1), (1, 9), (4, 2), (3, 48)):
        ids = torch.randint(1, 20, (batch, length), generator=generator)
        mask = torch.ones(batch, length, dtype=torch.bool)
        mask[-1, length // 2 + 1 :] = False
        with torch.no_grad():
            logits, vectors = network(ids * mask, mask)
        feed = {"ids": (ids * mask).numpy(), "mask": mask.numpy()}
        found = session.run(None, feed)
        np.testing.assert_allclose(found[0], logits.numpy(), atol=1e-4)
        np.testing.assert_allclose(found[1], vectors.numpy(), atol=1e-4)
        np.testing.assert_allclose(quantised.run(None, feed)[0], logits.numpy(), atol=0.1)


def test_graphs_keep_nothing_of_the_machine_that_made_them(cut: Made) -> None:
    for file in cut.bundle.path.rglob("*.onnx"):
        content = file.read_bytes()
        for trace in (b"/home", b"/root", b"site-packages", b"homefield/train", b".py"):
            assert trace not in content
        onnx.checker.check_model(onnx.load(file))


def test_int8_is_a_quarter_of_the_weights(cut: Made) -> None:
    sizes = {one: sum(f.stat().st_size for f in (cut.bundle.path / one).iterdir()) for one in ("fp32", "int8")}
    assert sizes["int8"] < 0.8 * sizes["fp32"]


def test_a_network_that_cannot_be_exported_is_refused(tmp_path: Path, language: Language) -> None:
    network = network_of("cnn-text", tmp_path)

    def untraceable(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return hidden.sum(1) if float(hidden.sum()) > 0 else hidden.amax(1)

    network.backbone.pool = untraceable  # type: ignore[method-assign]
    with pytest.raises(Refused) as caught:
        export_graphs(network)
    assert caught.value.code == "ship.not_exportable"
    assert "ONNX" in caught.value.what(language)

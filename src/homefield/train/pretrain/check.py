"""What can be known of a pre-training before it begins: its keys fit each other, and all that it names is there."""

from __future__ import annotations

from pathlib import Path

import torch

from homefield.backbones.catalogue import resolve
from homefield.data.corpus import check_corpus, corpus_files
from homefield.data.translations import read_translations
from homefield.errors import CallError
from homefield.train.faults import RecipeFault, RecipeFaults
from homefield.train.pretrain.probes import ProbeRows, read_probes
from homefield.train.pretrain.recipe import PretrainRecipe
from homefield.workspace import Workspace

__all__ = ["check_inputs", "check_pretrain"]


def check_pretrain(recipe: PretrainRecipe) -> None:
    """See that the keys fit each other.

    Raises:
        RecipeFaults: with every fault found.
    """
    faults = []
    if not recipe.corpus:
        faults.append(RecipeFault("corpus", "pretrain.fault.no_corpus"))
    if (recipe.minutes > 0) == (recipe.tokens > 0):
        faults.append(RecipeFault("minutes", "pretrain.fault.one_budget"))
    if not recipe.backbone and recipe.width % recipe.heads:
        faults.append(RecipeFault("heads", "pretrain.fault.heads", {"width": recipe.width, "heads": recipe.heads}))
    if bool(recipe.teacher) != bool(recipe.pairs):
        faults.append(RecipeFault("pairs" if recipe.teacher else "teacher", "pretrain.fault.teacher_and_pairs"))
    if recipe.device == "cuda" and not torch.cuda.is_available():
        faults.append(RecipeFault("device", "recipe.fault.no_cuda"))
    if faults:
        raise RecipeFaults(faults, source="pretrain")


def check_inputs(recipe: PretrainRecipe, workspace: Workspace) -> list[ProbeRows]:
    """See that the corpus, the backbones, the pairs and the probes can be read; the probes come back read.

    Raises:
        CallError: `pretrain.no_such_corpus`, `pretrain.not_an_encoder`, or as `resolve` and `read_probes`.
        RecordsError, MachineError: as `check_corpus`, `read_translations` and `read_probes`.
    """
    check_corpus(corpus_files(recipe.corpus, Path.cwd()))
    if recipe.backbone and resolve(recipe.backbone, workspace=workspace).kind == "fresh":
        raise CallError("pretrain.not_an_encoder", name=recipe.backbone)
    if recipe.teacher:
        resolve(recipe.teacher, workspace=workspace)
        read_translations(Path(recipe.pairs).expanduser())
    return read_probes(recipe.probes)

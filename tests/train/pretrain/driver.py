"""Runs `pretrain` in a process of its own: CORPUS OUT WORKSPACE [--resume] [KEY=VALUE ...]."""

import sys
from pathlib import Path

import torch

from homefield.errors import HomefieldError
from homefield.train.keys import parse_overrides
from homefield.train.pretrain.pretrain import pretrain
from homefield.train.pretrain.recipe import load_pretrain_recipe
from homefield.workspace import Workspace

torch.set_num_threads(1)
corpus, out, workspace, *rest = sys.argv[1:]
overrides = {**parse_overrides([word for word in rest if word != "--resume"]), "corpus": corpus}
try:
    pretrain(
        load_pretrain_recipe(None, overrides),
        Path(out),
        workspace=Workspace(Path(workspace)),
        resume="--resume" in rest,
    )
except HomefieldError as error:
    sys.stderr.write(f"{error.code}\n{error}\n")
    sys.exit(error.exit_code)

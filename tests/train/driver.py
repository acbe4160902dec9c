"""Runs `finetune` in a process of its own: DATA OUT WORKSPACE [--resume] [KEY=VALUE ...]."""

import sys
from pathlib import Path

import torch

from homefield.errors import HomefieldError
from homefield.train.finetune import finetune
from homefield.train.recipe import load_recipe, parse_overrides
from homefield.workspace import Workspace

torch.set_num_threads(1)
data, out, workspace, *rest = sys.argv[1:]
resume = "--resume" in rest
overrides = parse_overrides([word for word in rest if word != "--resume"])
try:
    finetune(
        load_recipe(None, {**overrides, "data": data}), Path(out), workspace=Workspace(Path(workspace)), resume=resume
    )
except HomefieldError as error:
    sys.stderr.write(f"{error.code}\n{error}\n")
    sys.exit(error.exit_code)

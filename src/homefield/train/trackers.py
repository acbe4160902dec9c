"""Where metrics go besides metrics.jsonl: TensorBoard, Weights & Biases, MLflow, Visdom, behind one small contract.

None of them is installed by default, none is called without being named in the recipe, and Weights & Biases and MLflow
write to the run's folder and not to a server unless their own environment variables say otherwise.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["Tracker", "installed", "open_tracker"]

_MODULES = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow", "visdom": "visdom"}


class Tracker(Protocol):
    """Takes numbers over steps."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Keep `values` of step `step`."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


def installed(name: str) -> bool:
    """Whether the package behind the tracker is there."""
    return importlib.util.find_spec(_MODULES[name]) is not None


def open_tracker(name: str, folder: Path, settings: Mapping[str, Any], *, after: int = 0) -> Tracker:
    """The tracker called `name` for the run in `folder` with the recipe `settings`; `after`: the step before it."""
    kinds: dict[str, type[Any]] = {
        "tensorboard": _TensorBoard,
        "wandb": _Wandb,
        "mlflow": _MLflow,
        "visdom": _Visdom,
    }
    tracker: Tracker = kinds[name](folder, settings, after)
    return tracker


class _TensorBoard:
    def __init__(self, folder: Path, settings: Mapping[str, Any], after: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=after + 1 if after else None)
        self._writer.add_text("recipe", "\n".join(f"    {key} = {value}" for key, value in settings.items()))

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():
            self._writer.add_scalar(key, value, step)

    def close(self) -> None:
        self._writer.close()


class _Wandb:
    def __init__(self, folder: Path, settings: Mapping[str, Any], after: int) -> None:
        import wandb

        del after
        self._run = wandb.init(
            project="homefield",
            name=folder.name,
            dir=str(folder),
            config=dict(settings),
            mode=os.environ.get("WANDB_MODE", "offline"),
            # Standard output belongs to the command's result.
            settings={"silent": True, "console": "off"},
        )

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()


class _MLflow:
    def __init__(self, folder: Path, settings: Mapping[str, Any], after: int) -> None:
        import mlflow

        del after
        self._mlflow = mlflow
        if "MLFLOW_TRACKING_URI" not in os.environ:
            # Files in the run's folder need no server and no database; MLflow asks that they are wanted.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            mlflow.set_tracking_uri((folder / "mlflow").resolve().as_uri())
        mlflow.set_experiment("homefield")
        mlflow.start_run(run_name=folder.name)
        mlflow.log_params(dict(settings))

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        self._mlflow.log_metrics(dict(values), step=step)

    def close(self) -> None:
        self._mlflow.end_run()


class _Visdom:
    def __init__(self, folder: Path, settings: Mapping[str, Any], after: int) -> None:
        import visdom

        del settings, after
        self._client = visdom.Visdom(env=folder.name, raise_exceptions=True)
        self._drawn: set[str] = set()

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():
            update = "append" if key in self._drawn else None
            self._client.line(X=[step], Y=[value], win=key, update=update, opts={"title": key})
            self._drawn.add(key)

    def close(self) -> None:
        self._drawn.clear()

"""`homefield pretrain`: plain text and a recipe become a backbone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from homefield.cli.amounts import seconds
from homefield.cli.command import argument, command, option
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome
from homefield.cli.values import KeyValue, Place, Whole, pairs

__all__ = ["pretrain"]


@command("pretrain")
@argument("recipe", key="recipe", type=Place(), required=False, metavar="[RECIPE]")
@option("--seed", key="seed", type=Whole(), metavar="N")
@option("--set", "settings", key="set", type=KeyValue(), multiple=True, metavar="KEY=VALUE")
@option("--out", key="run_out", type=Place(), required=True, metavar="RUN")
@option("--resume", key="resume", is_flag=True)
def pretrain(
    face: Face, recipe: Path | None, out: Path, resume: bool, seed: int | None, settings: Sequence[tuple[str, str]]
) -> Outcome | None:
    """Call `homefield.api.pretrain` and show what came of it."""
    from homefield import api
    from homefield.errors import CallError

    if resume and recipe is None:
        recipe = out / "recipe.toml"
        if not recipe.is_file():
            raise CallError("cli.resume_needs_run", path=out)
    keys: dict[str, Any] = dict(pairs(settings, "--set", **({} if seed is None else {"seed": str(seed)})))
    run = api.pretrain(recipe, out=out, resume=resume, workspace=face.workspace, listen=face.listen, **keys)
    if os.environ.get("RANK", "0") != "0":
        return None  # of several processes, the first tells
    say, record = face.say, run.record
    reached = record["reached"]
    facts = [
        (say("pretrain.seen"), say("pretrain.tokens", **record)),
        *(
            (say(f"pretrain.{name}"), f"{found:.2f}")
            for name, found in reached.items()
            if name in ("perplexity", "perplexity_long")
        ),
        *(
            (say("pretrain.pairs"), f"{found:.1%} / {reached['pair_found_back']:.1%}")
            for name, found in reached.items()
            if name == "pair_found"
        ),
        *(
            (name.removeprefix("probe_"), f"{value:.1%}")
            for name, value in reached.items()
            if name.startswith("probe_")
        ),
        (say("finetune.took"), seconds(sum(record.get("seconds", {}).values()), face.language)),
        (say("outcome.where"), str(run.backbone)),
    ]
    return Outcome(
        document={"run": run.path, "backbone": run.backbone, **record},
        title=say("pretrain.title", name=run.recipe.name),
        facts=facts,
        next_steps=[
            f"homefield backbones add {run.backbone} --name {run.recipe.name}",
            f"homefield finetune --data DIR --backbone {run.backbone} --out RUN",
        ],
    )

"""`homefield compress`: a model becomes a smaller one, with what that costs beside what it gains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from homefield.cli.amounts import seconds, size
from homefield.cli.command import argument, command, option
from homefield.cli.commands.finetune import written
from homefield.cli.face import Face
from homefield.cli.outcome import Outcome, Table
from homefield.cli.values import KeyValue, Name, Place, Share, pairs
from homefield.errors import CallError

if TYPE_CHECKING:
    from homefield.ship.compress import Compressed, Measured

__all__ = ["compress", "describe"]


@command("compress")
@argument("model", key="model_or_run", metavar="MODEL")
@option("--distil", key="distil", type=Name(), metavar="BACKBONE")
@option("--prune", key="prune", type=Share(), metavar="SHARE")
@option("--out", key="compress_out", type=Place(), required=True, metavar="DIR")
@option("--data", key="compress_data", type=Place(), metavar="DIR")
@option("--texts", "unlabelled", key="unlabelled", type=Place(), metavar="FILE")
@option("--set", "settings", key="set", type=KeyValue(), multiple=True, metavar="KEY=VALUE")
def compress(
    face: Face,
    model: str,
    distil: str | None,
    prune: float | None,
    out: Path,
    data: Path | None,
    unlabelled: Path | None,
    settings: tuple[tuple[str, str], ...],
) -> Outcome:
    """Call `homefield.api.compress` and show what came of it."""
    from homefield import api

    if (distil is None) == (prune is None):
        raise CallError("cli.either_distil_or_prune")
    made = api.compress(
        model,
        out,
        distil=distil,
        prune=prune,
        data=data,
        unlabelled=unlabelled,
        workspace=face.workspace,
        listen=face.listen,
        **pairs(settings, "--set"),
    )
    return describe(made, face)


def describe(made: Compressed, face: Face) -> Outcome:
    """The model given and the model made, side by side."""
    from homefield.evaluate.assessment import standing

    say, before, after = face.say, made.before, made.after
    columns = [_column(each) for each in (before, after)]
    names = [
        *(say("compress.size", precision=precision) for precision in before.bytes),
        say("compress.parameters"),
        say("compress.alone"),
        say("compress.together"),
        say(f"metric.{before.metric}"),
    ]
    rows = [[name, *cells] for name, *cells in zip(names, *columns, strict=True)]
    facts = [(say("compress.difference"), _difference(made, face)), (say("finetune.took"), _took(made, face))]
    facts.append((say("outcome.where"), str(made.bundle.path)))
    headings = [say("compress.what"), say("compress.before"), say("compress.after")]
    return Outcome(
        document={
            "model": made.bundle.path, "before": before, "after": after, "difference": made.difference,
            "seconds": made.seconds,
        },
        title=say("compress.title", model=after.title),
        facts=[fact for fact in facts if fact[1]],
        tables=[Table(headings, rows, right=[1, 2])],
        notes=[say("compress.worse")] if standing(made.difference) == "worse" else [],
        next_steps=[f'homefield predict {made.bundle.path} --text "…"'],
    )  # fmt: skip


def _column(found: Measured) -> list[str]:
    return [
        *(size(total) for total in found.bytes.values()),
        f"{found.parameters / 1e6:,.1f} M",
        f"{found.milliseconds:.2f} ms",
        f"{found.per_second:,.0f}",
        written(found.metric, found.value),
    ]


def _difference(made: Compressed, face: Face) -> str:
    if made.difference is None:
        return ""
    one, output = made.difference, made.bundle.manifest.output
    factor, form = (1, "+.3f") if output == "number" else (100, "+.1f")
    mean, low, high = (format(factor * value, form) for value in (one.mean, one.low, one.high))
    key = "compress.gap" if output == "number" else "compress.points"
    return face.say(key, mean=mean, low=low, high=high, rows=made.after.rows)


def _took(made: Compressed, face: Face) -> str:
    return seconds(made.seconds, face.language)

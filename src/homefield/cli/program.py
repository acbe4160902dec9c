"""The program: its verbs by section, each imported when it is called."""

from __future__ import annotations

import click

from homefield import __version__
from homefield.cli.command import Group, LazyGroup, Option
from homefield.cli.face import Face

__all__ = ["VERBS", "every_command", "program"]

_FROM = "homefield.cli.commands"

VERBS = {
    "begin": {
        "demo": f"{_FROM}.demo:demo",
        "doctor": f"{_FROM}.doctor:doctor",
    },
    "make": {
        "prepare": f"{_FROM}.prepare:prepare",
        "recipe": f"{_FROM}.recipe:recipe",
        "finetune": f"{_FROM}.finetune:finetune",
        "pretrain": f"{_FROM}.pretrain:pretrain",
        "evaluate": f"{_FROM}.evaluate:evaluate",
        "export": f"{_FROM}.export:export",
        "compress": f"{_FROM}.compress:compress",
    },
    "use": {
        "predict": f"{_FROM}.predict:predict",
        "serve": f"{_FROM}.serve:serve",
        "feedback": f"{_FROM}.feedback:feedback",
        "support": f"{_FROM}.support:support",
    },
    "keep": {
        "models": f"{_FROM}.models:models",
        "backbones": f"{_FROM}.backbones:backbones",
        "cache": f"{_FROM}.cache:cache",
        "jobs": f"{_FROM}.jobs:jobs",
        "backup": f"{_FROM}.backup:backup",
        "restore": f"{_FROM}.backup:restore",
    },
    "guard": {
        "keys": f"{_FROM}.keys:keys",
        "users": f"{_FROM}.users:users",
        "forget": f"{_FROM}.forget:forget",
        "retention": f"{_FROM}.retention:retention",
        "audit": f"{_FROM}.audit:audit",
    },
}


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"homefield {__version__}")
        ctx.exit()


program = LazyGroup(
    "homefield",
    lazily=VERBS,
    params=[
        Option(["--version"], key="version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version),
    ],
)


def every_command(group: Group = program, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command with the verbs that lead to it, groups included; imports them all."""
    found: list[tuple[tuple[str, ...], click.Command]] = [(path, group)]
    ctx = click.Context(group, info_name=" ".join(("homefield", *path)), obj=Face())
    for name in group.list_commands(ctx):
        inner = group.get_command(ctx, name)
        assert inner is not None
        found += every_command(inner, (*path, name)) if isinstance(inner, Group) else [((*path, name), inner)]
    return found

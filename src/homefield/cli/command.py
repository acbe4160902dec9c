"""Commands, options and arguments whose help is looked up in the reader's language when it is printed.

Every command takes `--workspace`, `--lang`, `--json` and `--help`, so that they may stand before or after the verb.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from homefield.cli.face import Face
from homefield.cli.help import HelpPage, help_page
from homefield.cli.values import OneOf, Place, guess
from homefield.errors import CallError

__all__ = ["Argument", "Command", "Group", "LazyGroup", "Option", "argument", "command", "option"]


class Option(click.Option):
    """An option; `key` names its sentence `cli.option.<key>`."""

    def __init__(self, *args: Any, key: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.key = key


class Argument(click.Argument):
    """An argument; `key` names its sentence `cli.argument.<key>`."""

    def __init__(self, *args: Any, key: str, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.key = key


def option(*names: str, key: str, **attributes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command's function with an `Option`."""
    return click.option(*names, cls=Option, key=key, **attributes)


def argument(name: str, *, key: str, **attributes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command's function with an `Argument`."""
    return click.argument(name, cls=Argument, key=key, **attributes)


def _take_workspace(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.find_object(Face).workspace_given = value  # type: ignore[union-attr]


def _show_help(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(ctx.get_help())
        ctx.exit()


def _help_when_nothing_is_said() -> None:
    ctx = click.get_current_context()
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _everywhere() -> list[click.Parameter]:
    # --lang and --json were read by `face_for` before the parse; here they are only checked.
    return [
        Option(
            ["--workspace"], key="workspace", type=Place(), metavar="DIR", expose_value=False, callback=_take_workspace
        ),
        Option(["--lang"], key="lang", type=OneOf("zh", "en"), expose_value=False),
        Option(["--json"], key="json", is_flag=True, expose_value=False),
        Option(["--help", "-h"], key="help", is_flag=True, is_eager=True, expose_value=False, callback=_show_help),
    ]


class _Translated(click.Command):
    """What our commands and groups share: the options everywhere, translated help, complaints in our own words."""

    @cached_property
    def common(self) -> Sequence[click.Parameter]:
        """The options of every command."""
        return _everywhere()

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, then those of every command."""
        del ctx
        return [*self.params, *self.common]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; a complaint of the parser is given the command it is about."""
        try:
            return super().parse_args(ctx, args)
        except click.exceptions.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def get_help(self, ctx: click.Context) -> str:
        """The help page in the reader's language."""
        face = ctx.find_object(Face) or Face()
        return help_page(self.describe(ctx), face)

    def describe(self, ctx: click.Context) -> HelpPage:
        """What the help page says."""
        return HelpPage(
            key=_key_of(ctx),
            usage=" ".join([ctx.command_path, *self.collect_usage_pieces(ctx)]),
            arguments=[(p.make_metavar(ctx), f"argument.{p.key}") for p in self.params if isinstance(p, Argument)],
            options=[_described(p, ctx) for p in self.params if isinstance(p, Option)],
            everywhere=[_described(p, ctx) for p in self.common if isinstance(p, Option)],
        )

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The words after the command's name in the usage line: arguments, what is required, the rest in brackets."""
        pieces = [p.make_metavar(ctx) for p in self.params if isinstance(p, click.Argument)]
        for each in self.params:
            if isinstance(each, click.Option):
                written = f"{each.opts[0]} {each.make_metavar(ctx)}" if not each.is_flag else each.opts[0]
                written += " ..." if each.multiple else ""
                pieces.append(written if each.required else f"[{written}]")
        return pieces


class Command(_Translated):
    """One verb. Its function takes the `Face` first and returns an `Outcome` (or `None` when it printed by itself)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and say which word is one too many."""
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if ctx.args and not ctx.resilient_parsing:
            raise CallError("cli.one_too_many", command=ctx.command_path, given=" ".join(ctx.args))
        return rest


class Group(_Translated, click.Group):
    """A noun with verbs: `homefield cache show`."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, callback=_help_when_nothing_is_said, **attributes)
        self.invoke_without_command, self.no_args_is_help = True, False

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb.

        Raises:
            CallError: `cli.no_such_command`, with the closest one.
        """
        found = self.get_command(ctx, args[0])
        if found is None:
            known = self.list_commands(ctx)
            raise CallError("cli.no_such_command", given=args[0], command=ctx.command_path, guess=guess(args[0], known))
        return args[0], found, args[1:]

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """A verb and its words follow a group's name."""
        del ctx
        return ["COMMAND ..."]

    def describe(self, ctx: click.Context) -> HelpPage:
        """What the help page says: the verbs, in sections where the group has some."""
        page = super().describe(ctx)
        page.sections = self.sections(ctx)
        return page

    def sections(self, ctx: click.Context) -> Mapping[str, Sequence[tuple[str, str]]]:
        """Section key -> (verb, key of its one-line help)."""
        inner = _key_of(ctx)
        prefix = "" if inner == "homefield" else f"{inner}_"
        return {"commands": [(name, f"help.{prefix}{name}.short") for name in self.list_commands(ctx)]}


class LazyGroup(Group):
    """The whole program: verbs are imported when called, so that `--help` stays quick."""

    def __init__(self, *args: Any, lazily: Mapping[str, Mapping[str, str]], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.lazily = lazily

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of their sections."""
        del ctx
        return [name for section in self.lazily.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that has the verb."""
        del ctx
        for section in self.lazily.values():
            if cmd_name in section:
                module, _, name = section[cmd_name].partition(":")
                found = getattr(importlib.import_module(module), name)
                assert isinstance(found, click.Command)
                return found
        return None

    def sections(self, ctx: click.Context) -> Mapping[str, Sequence[tuple[str, str]]]:
        """The sections the program is described in."""
        del ctx
        return {key: [(name, f"help.{name}.short") for name in section] for key, section in self.lazily.items()}


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    """Make a function the verb `name`; it gets the `Face` as its first argument."""

    def decorate(function: Callable[..., Any]) -> Command:
        made = click.command(name, cls=Command)(click.pass_obj(function))
        made.help = None
        return made

    return decorate


def _key_of(ctx: click.Context) -> str:
    """`homefield cache show` -> `cache_show`; the program itself -> `homefield`."""
    return "_".join(ctx.command_path.split()[1:]) or "homefield"


def _described(each: Option, ctx: click.Context) -> tuple[str, str, bool]:
    names = ", ".join(each.opts)
    return (names if each.is_flag else f"{names} {each.make_metavar(ctx)}", f"option.{each.key}", bool(each.required))

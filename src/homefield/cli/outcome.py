"""What a command made, how good, where it lies and what next: once for people, once as a JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homefield.plain import plain

if TYPE_CHECKING:
    from rich.console import Console

    from homefield.cli.face import Face

__all__ = ["Outcome", "Table", "as_json", "console_for", "print_outcome"]

PIPE_WIDTH = 160  # nobody's terminal to fit: keep paths whole


@dataclass(frozen=True)
class Table:
    """Rows under headings; `right` are the places of the columns that hold numbers."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    right: Sequence[int] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of one command.

    `document` is what `--json` prints. For people: `title`, then `facts` (name, value), `tables`, `notes` (sentences)
    and `next_steps` (commands to run). `answer` is the exit code: 0, or 1 when the answer is no. `quoted`: the
    title is what somebody says, so that no mark stands before it.
    """

    document: Mapping[str, object]
    title: str = ""
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    next_steps: Sequence[str] = field(default_factory=tuple)
    answer: int = 0
    quoted: bool = False


def as_json(document: object) -> str:
    """One JSON document, readable by people too."""
    return json.dumps(plain(document), ensure_ascii=False, indent=2, allow_nan=False)


def console_for(*, errors: bool = False) -> Console:
    """A Rich console that prints text as it is: no markup, no highlighting, whole paths when piped."""
    from rich.console import Console

    stream = sys.stderr if errors else sys.stdout
    return Console(
        file=stream,
        markup=False,
        highlight=False,
        emoji=False,
        width=None if stream.isatty() else PIPE_WIDTH,
    )


def print_outcome(outcome: Outcome, face: Face) -> None:
    """Print an outcome to stdout."""
    if face.json:
        sys.stdout.write(as_json(outcome.document) + "\n")
        return
    screen = console_for()
    with screen.capture() as captured:
        _print(outcome, face, screen)
    # Rich fills lines with spaces; in a file they are in the way.
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _print(outcome: Outcome, face: Face, console: Console) -> None:
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    if outcome.title:
        mark, style = ("✓ ", "bold green") if outcome.answer == 0 else ("✗ ", "bold red")
        console.print(Text("" if outcome.quoted else mark, style) + Text(outcome.title, "bold"))
    if outcome.facts:
        grid = Grid.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, style="cyan")
        grid.add_column(overflow="fold")
        for name, value in outcome.facts:
            grid.add_row(name, value)
        console.print(Padding(grid, (0, 0, 0, 2)))
    for table in outcome.tables:
        console.print()
        console.print(_grid(table))
    if outcome.notes:
        console.print()
    for note in outcome.notes:
        console.print(Padding(Text(note), (0, 0, 0, 2)))
    if outcome.next_steps:
        console.print()
        console.print(Text(face.say("outcome.next"), "bold"))
        for step in outcome.next_steps:
            console.print(Text(f"  {step}"), soft_wrap=True)


def _grid(table: Table) -> Any:
    from rich import box
    from rich.table import Table as Grid

    made = Grid(
        title=table.title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=True,
        header_style="cyan",
        show_edge=False,
    )
    for place, heading in enumerate(table.headings):
        made.add_column(heading, justify="right" if place in table.right else "left", overflow="fold")
    for row in table.rows:
        made.add_row(*row)
    return made

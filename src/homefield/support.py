"""Customer service in Python: what `homefield support` does, as functions that take paths and return objects.

    >>> import homefield
    >>> built = homefield.support.build("shop", pairs="questions.csv", answers="answers.csv")
    >>> homefield.support.ask("shop", "Where is my parcel?").text
    >>> homefield.support.evaluate("shop", "asked.csv").numbers["recall_1"]

Each imports what it needs when it is called: asking imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from homefield.events import Listener, silent
from homefield.workspace import Workspace, find_workspace

if TYPE_CHECKING:
    from homefield.apps.support.replies import Reply
    from homefield.apps.support.understanding.answering import ReleaseAnswerer
    from homefield.apps.support.understanding.build import Built
    from homefield.apps.support.understanding.judging import Verdict

__all__ = ["ask", "build", "evaluate", "load"]

AnyPath = str | PathLike[str]


def build(
    name: str,
    *,
    pairs: AnyPath | None = None,
    intents: AnyPath | None = None,
    dialogues: AnyPath | None = None,
    answers: AnyPath | None = None,
    same: AnyPath | None = None,
    columns: Mapping[str, str] | None = None,
    risk: float | None = None,
    seed: int = 0,
    workspace: Workspace | None = None,
    listen: Listener = silent,
    **keys: object,
) -> Built:
    """Build the next release of the customer service `name` from one of pairs, intents and dialogues.

    answers: the approved ones. same: pairs of questions judged the same or different. columns: part -> column, of the
    file of questions. risk: highest share of wrong answers among those given without a human. keys: of the recipe, for
    example `backbone="minilm-en"`.

    Raises:
        CallError: not one source, a bad name or risk. RecordsError: a file cannot be used.
        RecipeError: a wrong key. Refused: the model does not pass its gate.
    """
    from homefield.apps.support.understanding.build import build as make

    files = {"pairs": pairs, "intents": intents, "dialogues": dialogues, "answers": answers, "same": same}
    return make(
        name,
        workspace=workspace or find_workspace(),
        **{field: None if file is None else Path(file) for field, file in files.items()},
        columns=columns,
        risk=risk,
        settings=keys,
        seed=seed,
        listen=listen,
    )


def load(release: str, *, workspace: Workspace | None = None) -> ReleaseAnswerer:
    """Open a release, with everything that was taught, to ask it often: `.reply(Asked(...))`, from any thread.

    release: `name` (the one in use; before there is one the latest), `name@3` or `name@champion`.

    Raises:
        CallError: there is no such release. Tampered: a file is not what was registered.
    """
    from homefield.apps.support.understanding.opened import open_answerer
    from homefield.bundle.registry import open_registry

    place = workspace or find_workspace()
    with open_registry(place) as registry:
        return open_answerer(registry, release, threads=place.settings.threads)


def ask(
    release: str | ReleaseAnswerer,
    text: str,
    *,
    variables: Mapping[str, str] | None = None,
    audience: str = "",
    language: str = "",
    workspace: Workspace | None = None,
) -> Reply:
    """The reply to one message that stands alone: what is said, what was decided, how sure, and why.

    It is decided as the served desk would, with the options in the workspace's `support/NAME.toml`.

    release: as `load` takes it, or what it gave; without a `workspace` the latter knows no options. variables: what
    placeholders are filled from.

    Raises:
        CallError, Tampered: as `load`; `support.bad_options`, `support.bad_variables`.
    """
    from homefield.apps.support.conversation import SupportOptions, options_of, reply_alone
    from homefield.net import Allowed

    answerer = load(release, workspace=workspace) if isinstance(release, str) else release
    place = workspace or (find_workspace() if isinstance(release, str) else None)
    return reply_alone(
        answerer,
        text,
        SupportOptions() if place is None else options_of(place, answerer.name),
        variables=variables,
        audience=audience,
        language=language,
        allowed=None if place is None else Allowed.parse(place.settings.net_allow),
    )


def evaluate(
    release: str | ReleaseAnswerer,
    file: AnyPath,
    *,
    columns: Mapping[str, str] | None = None,
    workspace: Workspace | None = None,
) -> Verdict:
    """Ask every question of a file and compare with the right answers in it.

    release: as `load` takes it, or what it gave; without a `workspace` the latter knows no options.

    Raises:
        CallError, Tampered: as `load`; `support.bad_options`. RecordsError: the questions cannot be used.
    """
    from homefield.apps.support.conversation import SupportOptions, options_of
    from homefield.apps.support.understanding.judging import judge_release

    answerer = load(release, workspace=workspace) if isinstance(release, str) else release
    place = workspace or (find_workspace() if isinstance(release, str) else None)
    options = SupportOptions() if place is None else options_of(place, answerer.name)
    return judge_release(answerer, Path(file), columns, handoff=options.handoff)

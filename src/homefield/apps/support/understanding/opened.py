"""Applications that are open for answering: each with its release in use and everything it was taught.

What a worker keeps open is compared with the store's revisions before it answers, so that what one worker was taught,
or what somebody put into use, holds in every worker with the next message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from threading import Lock

from homefield.apps.support.answers import odd_braces, plain_question
from homefield.apps.support.assistants import Correction
from homefield.apps.support.understanding.answering import ReleaseAnswerer, Thresholds
from homefield.apps.support.understanding.encoding import Encoder
from homefield.apps.support.understanding.live import id_of
from homefield.apps.support.understanding.release import Contents, models_of, read_release
from homefield.apps.support.understanding.releases import find_release, folder_of_release, names_in_use
from homefield.bundle.registry import Registry
from homefield.data.clean import clean_text
from homefield.errors import CallError
from homefield.serve import Matcher
from homefield.serve.network import Sessions
from homefield.store import revisions
from homefield.store.learned import SCOPE, Learned, learn, learned_of, withdrawn_of
from homefield.store.versions import Release

__all__ = ["OpenApplications", "open_answerer", "teach_answer"]


def open_answerer(
    registry: Registry,
    spec: str,
    *,
    threads: int | None = None,
    sessions: Sessions | None = None,
    today: Callable[[], date] = date.today,
) -> ReleaseAnswerer:
    """Open the release that `spec` names, with everything its application was taught.

    Raises:
        CallError: as `find_release`. Tampered: a file is not what was registered.
    """
    release = find_release(registry, spec)
    contents, encoder = _opened(registry, release, threads, sessions)
    return _answerer(release, contents, encoder, _taught(registry, release), today)


def teach_answer(registry: Registry, answerer: ReleaseAnswerer, correction: Correction) -> Learned:
    """Keep a correction, which holds in every worker from the next message on.

    Raises:
        CallError: `support.empty_lesson`, `support.answer_or_text`, `support.odd_placeholder`,
            `support.no_such_answer`.
    """
    question = clean_text(correction.question)
    if not plain_question(question):
        raise CallError("support.empty_lesson")
    text = (correction.text or "").strip()
    if bool(text) == bool(correction.answer):
        raise CallError("support.answer_or_text", count=2 * bool(text))
    if odd := odd_braces(text):
        raise CallError("support.odd_placeholder", given=", ".join(odd))
    known = answerer.lessons.contents.answers
    if correction.answer and correction.answer not in known:
        raise CallError("support.no_such_answer", id=correction.answer[:100])
    same = next((name for name, each in known.items() if each.text == text), None)
    answer = correction.answer or same or id_of(text)
    with registry.store.write() as transaction:
        return learn(
            transaction,
            answerer.name,
            question,
            answer,
            text=text if text and same is None else _kept_text(answerer, answer),
            language=correction.language,
            message=correction.message,
            by=correction.by,
            why=correction.why or None,
        )


class OpenApplications:
    """The applications that are open; safe to use from several threads. While one is opened, others answer.

    Args:
        registry: where releases are registered.
        threads, sessions: of the networks.
    """

    def __init__(self, registry: Registry, *, threads: int | None = None, sessions: Sessions | None = None) -> None:
        self._registry, self._threads, self._sessions = registry, threads, sessions or Sessions()
        self._locks: dict[str, Lock] = {}
        self._open: dict[str, tuple[tuple[int, int], ReleaseAnswerer]] = {}

    def names(self) -> Sequence[str]:
        """Those that have a release."""
        return names_in_use(self._registry)

    def find(self, name: str) -> ReleaseAnswerer:
        """The release in use under this name, as the store has it now.

        Raises:
            CallError: `support.no_such_name`, `bundle.bad_name`.
        """
        known = self._open.get(name)
        if known is not None and known[0] == self._seen():
            return known[1]
        find_release(self._registry, name)  # so that only what there is gets a lock
        with self._locks.setdefault(name, Lock()):
            seen, known = self._seen(), self._open.get(name)
            if known is None or known[0] != seen:
                known = self._open[name] = (seen, self._opened_anew(name, None if known is None else known[1]))
            return known[1]

    def is_open(self, name: str) -> bool:
        """Whether `find` gives it without reading a release, which takes seconds where there are many questions."""
        known = self._open.get(name)
        return known is not None and known[0] == self._seen()

    def correct(self, name: str, correction: Correction) -> Learned:
        """Learn at once: its answer is given from now on, in every worker.

        Raises:
            CallError: as `find` and `teach_answer`.
        """
        return teach_answer(self._registry, self.find(name), correction)

    def hear(self, told: Mapping[str, int]) -> None:
        """Revisions told by others; `find` asks the store itself, so that nothing can be missed."""
        del told

    def _seen(self) -> tuple[int, int]:
        with self._registry.store.read() as transaction:
            now = revisions.current(transaction)
        return now.get(revisions.REGISTRY, 0), now.get(SCOPE, 0)

    def _opened_anew(self, name: str, before: ReleaseAnswerer | None) -> ReleaseAnswerer:
        release = find_release(self._registry, name)
        taught = _taught(self._registry, release)
        if before is None or before.version != release.version:
            contents, encoder = _opened(self._registry, release, self._threads, self._sessions)
        elif (before.learned, before.withdrawn) == taught:  # something was put into use or taught elsewhere
            return before
        else:
            contents, encoder = before.contents, before.encoder
        return _answerer(release, contents, encoder, taught, date.today)


def _taught(registry: Registry, release: Release) -> tuple[tuple[Learned, ...], tuple[Learned, ...]]:
    """What the application was taught and that holds, and what the release has learned and that was withdrawn since."""
    with registry.store.read() as transaction:
        learned, gone = learned_of(transaction, release.name), withdrawn_of(transaction, release.name)
    read = datetime.fromisoformat(release.manifest.get("read") or release.manifest["made"])
    known = [each for each in gone if each.withdrawn_at is not None and each.at <= read < each.withdrawn_at]
    return tuple(learned), tuple(known)


def _kept_text(answerer: ReleaseAnswerer, answer: str) -> str | None:
    """The text of an answer that was itself taught, so that a release without it can still give it."""
    return None if answer in answerer.contents.answers else answerer.lessons.contents.answers[answer].text


def _opened(
    registry: Registry, release: Release, threads: int | None, sessions: Sessions | None
) -> tuple[Contents, Encoder]:
    contents = read_release(folder_of_release(registry, release), release.manifest)
    networks = {}
    for model in models_of(release.manifest):
        bundle = registry.open(registry.find(f"{model['name']}@{model['version']}"))
        if bundle.manifest.seal != model["seal"]:
            raise CallError("support.other_model", release=f"{release.name}@{release.version}", model=model["name"])
        networks[model.get("language", "")] = Matcher(bundle, threads=threads, sessions=sessions)
    return contents, Encoder(networks)


def _answerer(
    release: Release,
    contents: Contents,
    encoder: Encoder,
    taught: tuple[tuple[Learned, ...], tuple[Learned, ...]],
    today: Callable[[], date],
) -> ReleaseAnswerer:
    manifest = release.manifest
    made = ReleaseAnswerer(
        release.name,
        release.version,
        contents,
        encoder,
        tuple(manifest["weights"]),
        manifest["depth"],
        Thresholds.of(manifest),
        *taught,
        today,
    )
    # Now, not with the first customer's message, and once rather than in two threads at a time.
    _ = made.lessons
    return made

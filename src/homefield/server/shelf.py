"""The models that are open, and which of them a name means now.

When the registry's revision is raised (a promotion, a rollback, a new version), what stands where is read again, a new
champion is opened in the background, and only then does the name mean it: no call waits, none fails, and what the old
one was asked it still answers. The old one stays open for a while, so that a rollback takes as long as reading a row.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from homefield.bundle.registry import Registry
from homefield.errors import CallError, HomefieldError
from homefield.serve import Sessions
from homefield.server.opened import Opened, open_version
from homefield.store import revisions
from homefield.store.aliases import ALIASES, CHAMPION, standing
from homefield.store.versions import ModelVersion, model_versions_of

__all__ = ["Listing", "Shelf"]

_log = logging.getLogger("homefield.server")


@dataclass(frozen=True)
class Listing:
    """What the registry says. versions: by name and number. aliases: by name and alias. revision: when it said so."""

    versions: Mapping[str, Mapping[int, ModelVersion]] = field(default_factory=dict)
    aliases: Mapping[tuple[str, str], int] = field(default_factory=dict)
    revision: int = -1


class Shelf:
    """Opened models. All methods are called in the event loop; what takes long happens in a thread of its own.

    Args:
        registry: the models there are.
        threads: of each network.
        most: models held open beside the champions.
    """

    def __init__(self, registry: Registry, *, threads: int, most: int) -> None:
        self._registry, self._threads, self._most = registry, threads, most
        self.sessions = Sessions(spin=False)
        self._opener = ThreadPoolExecutor(1, "homefield-opener")
        self._champions: dict[str, Opened] = {}
        self._others: OrderedDict[tuple[str, int], Opened] = OrderedDict()
        self._refreshing: asyncio.Task[None] | None = None
        self._wanted = -1
        self.listing = Listing()
        self.failures: dict[str, HomefieldError] = {}

    @property
    def open_models(self) -> list[Opened]:
        """Everything that is open."""
        return [*self._champions.values(), *self._others.values()]

    @property
    def opening(self) -> bool:
        """Whether the registry was not read yet, or a champion is being opened that nothing stands in for."""
        return self.listing.revision < 0 or any(
            alias == CHAMPION and name not in self._champions and name not in self.failures
            for name, alias in self.listing.aliases
        )

    def hear(self, told: Mapping[str, int]) -> None:
        """Read the registry again when its revision is another one."""
        found = told.get(revisions.REGISTRY, 0)
        if found > self._wanted:
            self._wanted = found
            if self._refreshing is None or self._refreshing.done():
                self._refreshing = asyncio.create_task(self._refresh())

    async def settled(self) -> None:
        """Return when nothing is being opened any more."""
        if self._refreshing is not None:
            await asyncio.shield(self._refreshing)

    async def find(self, spec: str) -> Opened:
        """The model that `name`, `name@7` or `name@champion` means now; a name alone means its champion.

        Raises:
            CallError: `server.no_such_model`, `server.no_such_version`, `server.no_version`, or as `open_version`.
            Tampered: as `open_version`.
        """
        name, at, reference = spec.partition("@")
        if (found := self._champions.get(name)) is not None and (not at or reference == CHAMPION):
            return found
        await self.settled()
        row = self._row(name, reference if at else CHAMPION)
        if (found := self._champions.get(name)) is not None and found.version == row.version:
            return found
        if (name, row.version) not in self._others:
            await self._open_other(row)
        self._others.move_to_end((name, row.version))
        return self._others[name, row.version]

    def close(self) -> None:
        """Stop the thread, and what it reads."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        self._opener.shutdown(wait=False, cancel_futures=True)

    def _row(self, name: str, reference: str) -> ModelVersion:
        versions = self.listing.versions.get(name)
        if not versions:
            raise CallError("server.no_such_model", name=name[:100])
        if reference in ALIASES:
            number = self.listing.aliases.get((name, reference))
            if number is None:
                raise CallError("server.no_version", name=name, alias=reference)
        else:
            number = int(reference) if reference.isascii() and reference.isdigit() and len(reference) < 10 else 0
        if number not in versions:
            raise CallError("server.no_such_version", name=name, got=reference[:100])
        return versions[number]

    async def _open_other(self, row: ModelVersion) -> None:
        self._keep(await self._open(row))

    def _keep(self, opened: Opened) -> None:
        self._others[opened.name, opened.version] = opened
        while len(self._others) > self._most:
            self._others.popitem(last=False)

    async def _open(self, row: ModelVersion) -> Opened:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._opener,
            lambda: open_version(row, self._registry, sessions=self.sessions, threads=self._threads),
        )

    async def _refresh(self) -> None:
        while self.listing.revision < self._wanted:
            try:
                listing = await asyncio.get_running_loop().run_in_executor(self._opener, self._read)
            except HomefieldError as error:
                self._wanted = self.listing.revision  # the next look at the revisions tries again
                self.failures["registry"] = error
                return
            self.failures.pop("registry", None)
            self.listing = listing
            for name, versions in listing.versions.items():
                await self._promote(name, versions)
            for name in [name for name in self._champions if (name, CHAMPION) not in listing.aliases]:
                self._keep(self._champions.pop(name))

    async def _promote(self, name: str, versions: Mapping[int, ModelVersion]) -> None:
        number = self.listing.aliases.get((name, CHAMPION), 0)
        now = self._champions.get(name)
        if number not in versions or (now is not None and now.version == number):
            return
        opened = self._others.pop((name, number), None)
        if opened is None:
            try:
                opened = await self._open(versions[number])
            except (HomefieldError, OSError) as error:
                _log.error("open", extra={"facts": {"model": f"{name}@{number}", "error": str(error)}})
                known = error if isinstance(error, HomefieldError) else CallError("server.unreadable", name=name)
                self.failures[name] = known
                return
        self.failures.pop(name, None)
        self._champions[name] = opened
        if now is not None:
            self._keep(now)
        _log.info("champion", extra={"facts": {"model": opened.title}})

    def _read(self) -> Listing:
        with self._registry.store.read() as transaction:
            # First: what is written meanwhile raises it again, and is read then.
            revision = revisions.revision(transaction, revisions.REGISTRY)
            versions: dict[str, dict[int, ModelVersion]] = {}
            for row in model_versions_of(transaction):
                versions.setdefault(row.name, {})[row.version] = row
            return Listing(versions, standing(transaction, "model"), revision)

"""Several applications in one process: while one is opened, the others answer, and it is opened once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from homefield.apps.support.assistants import Correction
from homefield.apps.support.replies import Asked
from homefield.apps.support.understanding import opened
from homefield.apps.support.understanding.opened import OpenApplications
from homefield.apps.support.understanding.release import Contents, read_release
from homefield.apps.support.understanding.releases import register_release, releases_folder
from homefield.bundle.registry import Registry, open_registry
from homefield.errors import CallError
from homefield.workspace import Workspace

from .conftest import Shop


@pytest.fixture
def two(shop: Shop, tmp_path: Path) -> Iterator[Registry]:
    """The shop, and the same release under the name `large`."""
    shutil.copytree(shop.workspace.root, tmp_path / "workspace")
    with open_registry(Workspace(tmp_path / "workspace")) as registry:
        shutil.copytree(releases_folder(registry, "shop"), releases_folder(registry, "large"))
        register_release(registry, "large", shop.built.release.manifest, by="ann")
        yield registry


def test_while_one_is_opened_another_answers_and_all_who_wait_get_the_same(
    two: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, read = Event(), Event(), list[str]()

    def slowly(folder: Path, manifest: Mapping[str, Any]) -> Contents:
        read.append(folder.parent.name)
        if folder.parent.name == "large":
            begun.set()
            assert go_on.wait(60)
        return read_release(folder, manifest)

    monkeypatch.setattr(opened, "read_release", slowly)
    applications = OpenApplications(two)
    with ThreadPoolExecutor(8) as threads:
        large = [threads.submit(applications.find, "large") for _ in range(4)]
        try:
            assert begun.wait(60)
            replies = [
                threads.submit(lambda: applications.find("shop").reply(Asked("how do i return a lamp")))
                for _ in range(4)
            ]
            assert {each.result(timeout=60).answer for each in replies} == {"returns"}
            assert not any(each.done() for each in large)
            assert (applications.is_open("large"), applications.is_open("shop")) == (False, True)
        finally:
            go_on.set()
        assert len({id(each.result(timeout=60)) for each in large}) == 1
    assert sorted(read) == ["large", "shop"]
    assert applications.is_open("large")


def test_what_is_taught_to_one_leaves_the_others_as_they_are(two: Registry) -> None:
    applications = OpenApplications(two)
    before = {name: applications.find(name) for name in ("shop", "large")}
    applications.correct("shop", Correction("do you buy furniture", "ann", answer="returns"))
    assert applications.find("large") is before["large"]
    assert applications.find("shop") is not before["shop"]
    assert applications.find("shop").contents is before["shop"].contents
    assert all(map(applications.is_open, before))


def test_what_is_not_there_is_not_open_and_leaves_nothing_behind(two: Registry) -> None:
    applications = OpenApplications(two)
    for name in ("shoe", "../shop", ""):
        assert not applications.is_open(name)
        with pytest.raises(CallError):
            applications.find(name)
    assert not applications._locks

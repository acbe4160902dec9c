"""A version is a sealed folder and its row; whoever dies between the two loses nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from homefield.bundle import Bundle
from homefield.bundle.registry import Registry, open_registry
from homefield.errors import CallError
from homefield.store import versions
from homefield.workspace import Workspace

Make = Callable[..., Bundle]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with open_registry(Workspace(tmp_path / "space")) as opened:
        yield opened


def put(registry: Registry, make: Make, name: str, version: int) -> Bundle:
    return make(registry.artifacts.models / name / str(version), name=name, version=version)


def known(registry: Registry) -> list[str]:
    with registry.store.read() as transaction:
        return [f"{one.name}@{one.version}" for one in versions.model_versions_of(transaction)]


def test_a_row_says_what_the_folder_says(registry: Registry, make_bundle: Make) -> None:
    bundle = put(registry, make_bundle, "shop", 3)
    made = registry.register(bundle, by="li")
    assert registry.find("shop@3") == registry.find("shop") == made
    assert (made.seal, made.uri, made.made_by) == (bundle.manifest.seal, "models/shop/3", "li")
    assert made.facts["task"] == "classify"
    assert registry.open(made).manifest == bundle.manifest


def test_a_folder_whose_maker_died_is_taken_in(registry: Registry, make_bundle: Make) -> None:
    put(registry, make_bundle, "shop", 1)
    assert known(registry) == []
    assert registry.find("shop").version == 1
    assert known(registry) == ["shop@1"]
    assert registry.adopt() == []


def test_what_is_not_whole_or_not_in_its_place_is_left_alone(registry: Registry, make_bundle: Make) -> None:
    put(registry, make_bundle, "shop", 1)
    shutil.copytree(registry.artifacts.models / "shop" / "1", registry.artifacts.models / "shop" / "2")
    shutil.copytree(registry.artifacts.models / "shop" / "1", registry.artifacts.models / "mood" / "1")
    broken = put(registry, make_bundle, "shop", 4)
    (broken.path / "card.md").write_text("changed", encoding="utf-8")
    assert [one.version for one in registry.adopt()] == [1]
    assert known(registry) == ["shop@1"]
    with pytest.raises(CallError, match="versions: 1"):
        registry.find("shop@2")


def test_several_look_at_the_same_moment(registry: Registry, make_bundle: Make) -> None:
    for version in range(1, 6):
        put(registry, make_bundle, "shop", version)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: registry.adopt(), range(4)))
    assert sorted(one.version for some in found for one in some) == [1, 2, 3, 4, 5]


def test_two_machines_mount_the_artifacts_elsewhere(
    tmp_path: Path, make_bundle: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEFIELD_DATABASE", f"sqlite:///{tmp_path}/one.db")
    monkeypatch.setenv("HOMEFIELD_ARTIFACTS", str(tmp_path / "here"))
    with open_registry(Workspace(tmp_path / "first")) as registry:
        registry.register(put(registry, make_bundle, "shop", 1), by="li")
    (tmp_path / "here").rename(tmp_path / "there")
    monkeypatch.setenv("HOMEFIELD_ARTIFACTS", f"file://{tmp_path}/there")
    with open_registry(Workspace(tmp_path / "second")) as registry:
        assert registry.open(registry.find("shop")).path == tmp_path / "there" / "models" / "shop" / "1"

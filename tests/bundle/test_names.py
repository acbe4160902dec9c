from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.bundle import Bundle, check_name, claim_version, resolve_model
from homefield.bundle.registry import open_registry
from homefield.errors import CallError
from homefield.messages import Language
from homefield.store import aliases
from homefield.workspace import Workspace

Make = Callable[..., Bundle]


@pytest.fixture
def workspace(tmp_path: Path, make_bundle: Make) -> Workspace:
    place = Workspace(tmp_path / "space")
    for name, version in (("support-intents", 1), ("support-intents", 2), ("support-intents", 10), ("mood", 1)):
        make_bundle(place.root / "models" / name / str(version), name=name, version=version)
    return place


def code(spec: str, workspace: Workspace) -> str:
    with pytest.raises(CallError) as caught:
        resolve_model(spec, workspace)
    return caught.value.code


def test_a_name_is_its_latest_version_by_number(workspace: Workspace) -> None:
    assert resolve_model("support-intents", workspace) == workspace.root / "models" / "support-intents" / "10"


def test_a_version_and_a_folder(workspace: Workspace) -> None:
    assert resolve_model("support-intents@2", workspace).name == "2"
    folder = workspace.root / "models" / "mood" / "1"
    assert resolve_model(str(folder), workspace) == folder


def test_an_alias(workspace: Workspace) -> None:
    assert code("mood@champion", workspace) == "bundle.no_alias"
    with open_registry(workspace) as registry, registry.store.write() as transaction:
        aliases.move(transaction, "model", "mood", "champion", 1, by="li")
        aliases.move(transaction, "model", "mood", "challenger", 7, by="li")
    assert resolve_model("mood@champion", workspace).name == "1"
    assert code("mood@challenger", workspace) == "bundle.no_alias"


def test_a_near_miss_is_asked_back(workspace: Workspace, language: Language) -> None:
    with pytest.raises(CallError) as caught:
        resolve_model("suport-intent", workspace)
    assert "support-intents" in caught.value.what(language)
    assert {"en": "Did you mean", "zh": "您要找的是"}[language] in caught.value.what(language)


def test_an_unknown_name_lists_what_there_is(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(CallError, match="known: mood, support-intents"):
        resolve_model("zzz", workspace)
    with pytest.raises(CallError, match="known: -"):
        resolve_model("zzz", Workspace(tmp_path / "nowhere"))


def test_wrong_references(workspace: Workspace) -> None:
    assert code("mood@7", workspace) == "bundle.unknown_version"
    assert code("mood@latest", workspace) == "bundle.bad_reference"
    assert code("mood@", workspace) == "bundle.bad_reference"
    assert code("mood@１", workspace) == "bundle.bad_reference"


@pytest.mark.parametrize(
    "spec", ["", ".", "..", "../x", "a/../b", "/etc", "~root/x", "a\\b", "Shop", "a b", "-x", "a."]
)
def test_what_is_no_name_never_becomes_a_path(spec: str, workspace: Workspace) -> None:
    assert code(spec, workspace) in {"bundle.bad_name", "bundle.missing"}


@given(st.text(max_size=40))
def test_a_checked_name_is_one_plain_folder_name(name: str) -> None:
    try:
        checked = check_name(name)
    except CallError:
        return
    assert (Path("models") / checked).parent == Path("models")
    assert checked not in {".", ".."}
    assert checked.isascii()


def test_half_made_versions_do_not_count(workspace: Workspace) -> None:
    (workspace.root / "models" / "mood" / "2").mkdir()
    (workspace.root / "models" / "mood" / ".3.partial").mkdir()
    assert resolve_model("mood", workspace).name == "1"
    assert code("mood@2", workspace) == "bundle.unknown_version"


def test_claims_at_the_same_moment_get_different_numbers(tmp_path: Path) -> None:
    def claim(_: int) -> int:
        with claim_version(tmp_path, "mood") as version:
            (tmp_path / "mood" / str(version)).mkdir()
            return version

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(claim, range(40)))
    assert sorted(found) == list(range(1, 41))


def test_a_number_that_was_given_is_not_given_again(tmp_path: Path) -> None:
    with claim_version(tmp_path, "mood", above=7) as version:
        assert version == 8


def test_what_a_killed_export_left_is_removed_a_day_later(tmp_path: Path) -> None:
    left, fresh = tmp_path / "mood" / ".2.a.partial", tmp_path / "mood" / ".3.b.partial"
    for folder in (left, fresh):
        folder.mkdir(parents=True)
        (folder / "weights").write_bytes(b"x")
    os.utime(left, (0, 0))
    with claim_version(tmp_path, "mood"):
        assert (left.exists(), fresh.exists()) == (False, True)


def test_a_claim_that_came_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), claim_version(tmp_path, "fresh"):
        raise RuntimeError
    assert not (tmp_path / "fresh").exists()

"""Versions and aliases only grow, and one reference means one version."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.errors import ModelUnknown, ReferenceInvalid
from mlwright.registry import NewVersion, Registry, parse_reference
from mlwright.store import Database


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(Database.open(tmp_path / "meta.sqlite"))


def new(digest: str, name: str = "fraud") -> NewVersion:
    return NewVersion(name, digest, "binary", "lightgbm", "run", "pass", {"auc": 0.9})


def test_the_same_package_is_the_same_version(registry: Registry) -> None:
    assert registry.register(new("a"), actor="t").number == 1
    assert registry.register(new("b"), actor="t").number == 2
    assert registry.register(new("a"), actor="t").number == 1


@pytest.mark.promise("model.references")
def test_references_mean_one_version(registry: Registry) -> None:
    for digest in "abc":
        registry.register(new(digest), actor="t")
    registry.move_alias("fraud", "champion", 1, actor="t", reason="first")
    registry.move_alias("fraud", "candidate", 2, actor="t", reason="second")
    found = {at: registry.resolve(f"fraud@{at}").number for at in ("3", "champion", "candidate", "latest")}
    assert found == {"3": 3, "champion": 1, "candidate": 2, "latest": 3}
    assert registry.resolve("fraud").number == 1


def test_unknown_names_suggest_the_nearest(registry: Registry) -> None:
    registry.register(new("a"), actor="t")
    with pytest.raises(ModelUnknown) as caught:
        registry.resolve("fruad@1")
    assert "fraud" in caught.value.hint
    with pytest.raises(ModelUnknown, match="fraud@9"):
        registry.resolve("fraud@9")


@pytest.mark.parametrize("text", ["", "fraud@", "fraud@best", "@1", "a b@1", "fraud@-1", "../x@1"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ReferenceInvalid):
        parse_reference(text)


def test_alias_moves_say_who_why_from_and_to(registry: Registry) -> None:
    for digest in "ab":
        registry.register(new(digest), actor="t")
    registry.move_alias("fraud", "champion", 1, actor="run", reason="first that passes")
    registry.move_alias("fraud", "champion", 2, actor="ann", reason="better", evidence={"lnE": 1.0})
    registry.move_alias("fraud", "champion", 2, actor="ann", reason="again")
    moves = registry.moves("fraud", "champion")
    assert [(m.from_version, m.to_version, m.actor) for m in moves] == [(None, 1, "run"), (1, 2, "ann")]
    assert moves[1].evidence == {"lnE": 1.0}

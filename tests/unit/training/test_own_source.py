"""Training code of one's own is found by its name, and known by its content, without being imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.errors import TrainerUnknown
from mlwright.training.own_source import find_own_source


def project(folder: Path) -> Path:
    (folder / "models").mkdir()
    (folder / "models" / "__init__.py").write_text("raise RuntimeError('imported')")
    (folder / "models" / "tree.py").write_text("def fit(problem): ...")
    (folder / "rows.py").write_text("WINDOW = 7")
    return folder


@pytest.mark.promise("train.own-edited")
def test_the_digest_changes_with_any_file_of_the_project_and_with_nothing_else(tmp_path: Path) -> None:
    root = project(tmp_path)
    before = find_own_source("models.tree:fit", root)
    assert (before.module, before.function, before.name) == ("models.tree", "fit", "models.tree:fit")
    for place in (".mlwright", "env", "node_modules"):
        (root / place).mkdir()
        (root / place / "other.py").write_text("1")
    (root / "env" / "pyvenv.cfg").touch()
    (root / "notes.md").write_text("text")
    assert find_own_source("models.tree:fit", root) == before
    (root / "rows.py").write_text("WINDOW = 14")
    assert find_own_source("models.tree:fit", root).digest != before.digest


@pytest.mark.promise("train.own-edited")
def test_an_installed_module_is_known_by_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "installed"
    (installed / "theirs" / "deep").mkdir(parents=True)
    for file in (
        "theirs/__init__.py",
        "theirs/deep/__init__.py",
        "theirs/deep/fit.py",
        "theirs/rows.py",
        "one.py",
    ):
        (installed / file).write_text("# " + file)
    monkeypatch.syspath_prepend(str(installed))
    root = tmp_path / "project"
    root.mkdir()
    before = find_own_source("theirs.deep.fit:train", root), find_own_source("one:train", root)
    (installed / "theirs" / "rows.py").write_text("changed")
    after = find_own_source("theirs.deep.fit:train", root), find_own_source("one:train", root)
    assert before[0].digest != after[0].digest
    assert before[1].digest == after[1].digest


@pytest.mark.promise("train.own-errors")
@pytest.mark.parametrize(
    "name", ["forest", "models.tree", "models.tree:", ":fit", "models/tree.py:fit", "a b:fit"]
)
def test_a_name_of_another_form_says_which_forms_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainerUnknown, match="there is no trainer") as caught:
        find_own_source(name, tmp_path)
    assert "portfolio" in str(caught.value.hint)
    assert "module:function" in str(caught.value.hint)


@pytest.mark.promise("train.own-errors")
@pytest.mark.parametrize("name", ["absent:fit", "models.absent:fit", "models.tree.deeper:fit"])
def test_a_module_that_is_not_there_says_where_to_put_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainerUnknown, match="which is not there") as caught:
        find_own_source(name, project(tmp_path))
    assert str(tmp_path) in str(caught.value.hint)

"""What the repository says of itself is true."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mlwright.errors

ROOT = Path(__file__).parents[2]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.promise("repo.lock")
@pytest.mark.parametrize("name", ["dev.lock", "bootstrap.lock"])
def test_every_locked_package_has_hashes_and_no_url(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    blocks = re.split(r"\n(?=[a-z])", text.strip())
    assert all(re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", block) for block in blocks)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert (ROOT / "Cargo.lock").exists()


@pytest.mark.promise("repo.layers")
def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.promise("repo.generated")
def test_generated_pages_are_current() -> None:
    stale = [
        name
        for name, text in load("generate").pages().items()
        if not (ROOT / name).exists() or (ROOT / name).read_text(encoding="utf-8") != text
    ]
    assert stale == []


@pytest.mark.promise("repo.links", "repo.map")
def test_documents_have_no_dead_link_and_the_map_names_every_part() -> None:
    check = load("check")
    assert [*check.dead_links(), *check.machine_paths(), *check.map_problems()] == []


@pytest.mark.promise("repo.errors")
def test_every_error_has_its_own_code_and_a_reference_row() -> None:
    classes = load("generate").tree(mlwright.errors.MlwrightError)
    codes = [cls.code for cls in classes]
    page = (ROOT / "docs/reference/errors.md").read_text()
    assert len(set(codes)) == len(codes)
    assert [code for code in codes if f"`{code}`" not in page] == []
    assert [cls.__name__ for cls in classes if not (cls.__doc__ or "").strip()] == []


@pytest.mark.promise("repo.errors")
def test_no_error_is_raised_without_a_hint() -> None:
    with pytest.raises(TypeError, match="hint"):
        mlwright.errors.MlwrightError("what happened")  # type: ignore[call-arg]  # the failure under test

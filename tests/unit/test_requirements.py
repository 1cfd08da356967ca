"""Promises and tests hold each other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.requirements import PROMISES

TESTS = Path(__file__).parents[1]


def named_promises(path: Path) -> dict[str, set[str]]:
    """Give the promises that each test function of a file names."""
    found: dict[str, set[str]] = {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found[node.name] = {
                argument.value
                for decorator in node.decorator_list
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.promise"
                for argument in decorator.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            }
    return found


def rust_promises() -> set[str]:
    """Give the promises that Rust tests name, in a comment `// promise: id` above `#[test]`."""
    form = re.compile(r"// promise: ([a-z.-]+)\s+#\[test\]")
    crates = TESTS.parent / "crates"
    return {name for path in crates.rglob("*.rs") for name in form.findall(path.read_text(encoding="utf-8"))}


def all_tests() -> dict[Path, dict[str, set[str]]]:
    return {path: named_promises(path) for path in sorted(TESTS.rglob("test_*.py"))}


def test_every_promise_has_a_test() -> None:
    proved = {name for tests in all_tests().values() for names in tests.values() for name in names}
    assert sorted(set(PROMISES) - proved - rust_promises()) == []


def test_no_test_names_an_unknown_promise() -> None:
    named = {name for tests in all_tests().values() for names in tests.values() for name in names}
    assert sorted((named | rust_promises()) - set(PROMISES)) == []


def test_every_journey_proves_a_promise() -> None:
    idle = [
        f"{path.name}::{test}"
        for path, tests in all_tests().items()
        if "journey" in path.parts
        for test, names in tests.items()
        if not names
    ]
    assert idle == []

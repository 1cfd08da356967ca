from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

SLOW_TO_START = (
    *("http.client", "ssl", "email", "subprocess", "hashlib", "tempfile", "mlwright.monitoring"),
    *("dataclasses", "inspect", "argparse", "shutil"),
)
HEAVY = ("numpy", "polars", "sklearn", "lightgbm", "onnx", "onnxruntime")


@pytest.mark.parametrize(
    "module",
    ["serve", "up", "status", "rollback", "rollout", "label_add", "monitor", "server_settings"],
)
def test_commands_that_operate_load_no_heavy_library(module: str) -> None:
    code = f"import sys; import mlwright.commands.{module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.promise("serve.light")
def test_the_process_that_becomes_the_server_loads_little_that_a_server_never_needs(
    tmp_path: Path,
) -> None:
    words = ["serve", "fraud@latest", "--port", "0", "--no-auth"]
    code = (
        "import sys; import mlwright.cli.app as app, mlwright.cli.operating, mlwright.commands.serve\n"
        "from mlwright.deployment import serve_exactly\n"
        f"assert app.run({words!r}) == 1  # there is no project here\n"
        f"print([m for m in {SLOW_TO_START!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "package", ["mlwright.data", "mlwright.serving", "mlwright.deployment", "mlwright.deliverables"]
)
def test_a_package_that_imports_late_gives_every_name_it_shows_to_checkers(package: str) -> None:
    facade = importlib.import_module(package)
    tree = ast.parse(inspect.getsource(facade))
    (checked, *_) = (node for node in tree.body if isinstance(node, ast.If))
    early, shown = (_own_imports(body, package) for body in (tree.body, checked.body))
    late = {name: f"{package}.{module}" for module, names in facade.HOMES.items() for name in names.split()}
    assert shown == late
    assert sorted({**early, **shown}) == sorted(facade.__all__)
    assert all(getattr(facade, name) is not None for name in shown)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = facade.nothing


def _own_imports(body: list[ast.stmt], package: str) -> dict[str, str]:
    return {
        name.name: node.module
        for node in body
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith(package)
        for name in node.names
    }

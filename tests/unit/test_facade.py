"""What `import mlwright` promises: few names, and nothing heavy behind them."""

from __future__ import annotations

import doctest
import subprocess
import sys

import mlwright


def test_the_facade_has_these_names_and_no_others() -> None:
    assert mlwright.__all__ == [
        "MlwrightError",
        "__version__",
        "export_model",
        "import_model",
        "init",
        "predict",
        "run",
    ]


def test_the_facade_loads_nothing_heavy() -> None:
    code = (
        "import sys, mlwright; print({'numpy', 'polars', 'narwhals', 'sklearn', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_examples_of_the_facade_run() -> None:
    found = doctest.testmod(mlwright)
    assert (found.failed, found.attempted > 0) == (0, True)

"""What other converters get silently wrong comes out exact, or is refused with its reason."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.environments import ROOT, environment

CORE = ["lightgbm>=4.6", "numpy>=2.1", "onnx>=1.19", "onnxruntime>=1.23", "polars>=1.35", "scikit-learn>=1.7"]
LIBRARIES = ["xgboost-cpu>=3.2,<4", "catboost>=1.2.8,<2", "pandas", "category_encoders"]
SCRIPT = Path(__file__).parent / "estimator_models.py"
EXACT = {
    "scaled logistic": 1e-12,
    "scaled forest": 1e-12,
    "scaled histograms": 1e-12,
    "lightgbm": 1e-12,
    "lightgbm dart": 1e-12,
    "lightgbm categories": 1e-12,
    "histogram categories": 1e-12,
    "catboost": 1e-12,
    "calibrated lightgbm": 1e-12,
    "xgboost": 1e-6,  # it adds float32 numbers
    "xgboost dart": 1e-6,
    "xgboost categories": 1e-6,
}
REFUSED = {
    "lightgbm linear": "linear trees",
    "temperature": "by temperature",
    "bins": "KBinsDiscretizer",
    "splines": "SplineTransformer",
    "function": "FunctionTransformer calls 'log1p'",
    "words": "TfidfVectorizer",
    "category_encoders": "TargetEncoder",
    "catboost categories": "statistics of the training data",
    "calibrated xgboost": "differs from the library",  # an isotonic step between two float32 sums
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("objects")
    python = environment("objects", [*CORE, *LIBRARIES])
    settings = {
        "cwd": folder,
        "capture_output": True,
        "text": True,
        "timeout": 600,
        "env": {**os.environ, "PYTHONPATH": str(ROOT / "src")},
    }
    subprocess.run([python, "-m", "mlwright", "init", "project", "--empty"], check=True, **settings)  # type: ignore[call-overload]
    done = subprocess.run([python, SCRIPT, folder / "project"], check=False, **settings)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.promise("import.refused", "import.gate")
def test_every_known_case_is_exact_or_refused(said: dict[str, dict[str, object]]) -> None:
    assert set(said) == set(EXACT) | set(REFUSED)
    for name, most in EXACT.items():
        assert "refused" not in said[name], said[name]
        assert float(str(said[name]["difference"])) <= most, name
        assert int(str(said[name]["rows"])) >= 14_000
    for name, reason in REFUSED.items():
        assert reason in str(said[name].get("refused")), said[name]
        assert said[name]["hint"]
    assert said["calibrated xgboost"]["code"] == "package.parity"

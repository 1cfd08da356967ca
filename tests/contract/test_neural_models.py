"""Networks of PyTorch, Keras and TensorFlow answer through a package as their libraries, or are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.environments import ROOT, environment

TORCH = ["torch>=2.9", "onnxscript>=0.5"]
TENSORFLOW = ["tensorflow-cpu>=2.20", "tf2onnx>=1.17"]
SCRIPTS = Path(__file__).parent
WHOLE = 10_000


def made(folder: Path, name: str, packages: Sequence[str]) -> Path:
    """Give an interpreter with a library after it wrote its models into a folder."""
    python = environment(name, packages)
    done = subprocess.run(
        [python, SCRIPTS / f"{name}_models.py", folder],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return python


def imported(folder: Path, file: str, *options: str | Path) -> dict[str, object]:
    """Import a file with the interpreter of these tests; give what it said."""
    command = [sys.executable, "-m", "mlwright"]
    if not (folder / "project").exists():
        subprocess.run([*command, "init", "project", "--empty"], cwd=folder, check=True, capture_output=True)
    done = subprocess.run(
        [*command, "model", "import", folder / file, "--name", "m", "--json", *options],
        cwd=folder / "project",
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    said: dict[str, object] = json.loads(done.stdout)
    assert (done.returncode == 0) == ("error" not in said), done.stdout + done.stderr
    return said


def refusal(said: dict[str, object]) -> dict[str, str]:
    error = said["error"]
    assert isinstance(error, dict)
    assert error["hint"]
    return error


@pytest.fixture(scope="module")
def torch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("torch")
    return folder, made(folder, "torch", TORCH)


@pytest.fixture(scope="module")
def tensorflow(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tensorflow")
    return folder, made(folder, "tensorflow", TENSORFLOW)


@pytest.mark.slow
@pytest.mark.promise("import.torch")
@pytest.mark.parametrize(
    ("file", "options", "rows", "task"),
    [
        ("classes.pt2", (), WHOLE, "multiclass"),
        ("words.pt2", (), 2_000, "binary"),
        ("module.pt", ("--trust", "--input", "FP32[-1,20]"), WHOLE, "regression"),
    ],
)
def test_a_network_of_pytorch_answers_as_pytorch(
    torch: tuple[Path, Path], file: str, options: tuple[str, ...], rows: int, task: str
) -> None:
    folder, python = torch
    said = imported(folder, file, "--python", python, *options)
    assert (said["parity_rows"], said["task"]) == (rows, task)
    assert str(said["compared_with"]).startswith("torch 2.")
    assert float(str(said["largest_difference"])) < 1e-6


@pytest.mark.slow
@pytest.mark.promise("import.torch", "import.refused", "import.gate")
@pytest.mark.parametrize(
    ("file", "options", "code", "message"),
    [
        ("fixed.pt2", (), "package.unsupported-model", "fixed number of rows"),
        ("weights.pt", ("--trust",), "package.unsupported-model", "no module"),
        ("module.pt", ("--trust",), "package.unsupported-model", "does not tell the shapes"),
        ("module.pt", (), "package.untrusted-model", "runs whatever program"),
        ("dice.pt2", (), "package.parity", "differs from the library"),
    ],
)
def test_what_pytorch_cannot_say_exactly_is_refused(
    torch: tuple[Path, Path], file: str, options: tuple[str, ...], code: str, message: str
) -> None:
    """The dice convert without a complaint: it is the gate that finds them."""
    folder, python = torch
    error = refusal(imported(folder, file, "--python", python, *options))
    assert error["code"] == code
    assert message in error["message"]


OBJECTS = {
    "torch": (
        TORCH,
        "import torch\n"
        "model = torch.nn.Sequential(torch.nn.Linear(20, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))\n",
    ),
    "keras": (
        TENSORFLOW,
        "import keras\n"
        "model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(8), keras.layers.Dense(1)])\n",
    ),
}


@pytest.mark.slow
@pytest.mark.promise("import.torch", "import.tensorflow")
@pytest.mark.parametrize("library", OBJECTS)
def test_a_network_is_imported_from_the_program_that_trained_it(tmp_path: Path, library: str) -> None:
    packages, program = OBJECTS[library]
    core = (ROOT / "pyproject.toml").read_text().partition("dependencies = [")[2].partition("]")[0]
    python = environment(f"{library}-beside", [*packages, *[line.strip(' ",') for line in core.split()]])
    subprocess.run([sys.executable, "-m", "mlwright", "init", "project", "--empty"], cwd=tmp_path, check=True)
    program += (
        "import mlwright\n"
        "found = mlwright.import_model(model, name='object', project='project', inputs=['FP32[-1,20]'])\n"
        "print(found.reference, found.parity_rows, found.compared_with)\n"
    )
    done = subprocess.run(
        [python, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split()[-4:-1] == ["object@1", "10000", library]


@pytest.mark.slow
@pytest.mark.promise("import.tensorflow")
@pytest.mark.parametrize(
    ("file", "rows", "task"),
    [
        ("classes.keras", WHOLE, "multiclass"),
        ("classes.h5", WHOLE, "multiclass"),
        ("two.keras", 2_000, "regression"),
        ("two", 2_000, "regression"),
    ],
)
def test_a_network_of_keras_answers_as_tensorflow(
    tensorflow: tuple[Path, Path], file: str, rows: int, task: str
) -> None:
    folder, python = tensorflow
    said = imported(folder, file, "--python", python)
    assert (said["parity_rows"], said["task"]) == (rows, task)
    assert str(said["compared_with"]).startswith(("keras 3.", "tensorflow 2."))
    assert float(str(said["largest_difference"])) < 1e-6


@pytest.mark.slow
@pytest.mark.promise("import.tensorflow", "import.refused", "import.gate")
@pytest.mark.parametrize(
    ("file", "options", "code", "message"),
    [
        ("looked.keras", (), "package.unsupported-model", "no operator of ONNX for LookupTableFindV2"),
        ("gelu.keras", (), "package.unsupported-model", "no operator of ONNX for Erfc"),
        ("program.keras", (), "package.unsupported-model", "Lambda"),
        ("other", (), "package.unsupported-model", "no signature 'serving_default'"),
        ("dice", (), "package.parity", "differs from the library"),
    ],
)
def test_what_tensorflow_cannot_say_exactly_is_refused(
    tensorflow: tuple[Path, Path], file: str, options: tuple[str, ...], code: str, message: str
) -> None:
    folder, python = tensorflow
    error = refusal(imported(folder, file, "--python", python, *options))
    assert error["code"] == code
    assert message in error["message"]


@pytest.mark.slow
@pytest.mark.promise("import.tensorflow", "import.trust")
def test_a_keras_file_with_a_program_is_opened_when_trusted(tensorflow: tuple[Path, Path]) -> None:
    folder, python = tensorflow
    said = imported(folder, "program.keras", "--python", python, "--trust")
    assert said["largest_difference"] == 0.0

"""A file that can run code is opened apart: cut off, bounded, and read as data only."""

from __future__ import annotations

import pickle
import socket
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlwright.errors import (
    ImportTooLong,
    LibraryMismatch,
    ModelDamaged,
    ModelUnsupported,
    ModelUntrusted,
    ParityFailed,
)
from mlwright.packaging.importing import ImportedModel, OpeningOptions, import_fitted, open_model
from mlwright.packaging.isolation import free_memory, refuse_sockets
from mlwright.packaging.model_format import format_of
from mlwright.packaging.package import publish_package
from mlwright.packaging.parity import ParityReport

ROWS = np.random.default_rng(4).normal(size=(300, 3))
LABELS = ROWS[:, 0] + ROWS[:, 1] ** 2 > 0.5


class Program:
    """Runs a line of Python where it is opened."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __reduce__(self) -> Any:
        return exec, (self.source,)


def pickled(folder: Path, content: object) -> Path:
    path = folder / "model.pkl"
    path.write_bytes(pickle.dumps(content))
    return path


def opened(path: Path, folder: Path, **options: Any) -> tuple[ImportedModel, ParityReport]:
    given = OpeningOptions(is_trusted=True, **options)
    with open_model(path, format_of(path), "m", given) as imported:
        return imported, imported.check(folder / publish_package(folder, imported.content))


@pytest.mark.promise("import.trust", "import.pipelines")
def test_a_trusted_pickle_becomes_the_same_package_as_the_object(tmp_path: Path) -> None:
    fitted = make_pipeline(StandardScaler(), RandomForestClassifier(8, random_state=1)).fit(ROWS, LABELS)
    joblib.dump(fitted, tmp_path / "model.joblib", compress=3)
    imported, report = opened(tmp_path / "model.joblib", tmp_path)
    assert imported.isolation in ("namespace", "python")
    assert imported.compared_with.startswith("scikit-learn ")
    assert report.rows >= 10_000
    assert report.largest_difference < 1e-15
    assert imported.content == import_fitted(fitted, "m").content


@pytest.mark.promise("import.trust")
def test_an_untrusted_pickle_is_never_opened(tmp_path: Path) -> None:
    path = pickled(tmp_path, Program(f"open({str(tmp_path / 'was here')!r}, 'w')"))
    with pytest.raises(ModelUntrusted):
        with open_model(path, format_of(path), "m", OpeningOptions()):
            pass
    assert not (tmp_path / "was here").exists()


@pytest.mark.promise("import.apart")
def test_the_process_reaches_no_network_and_knows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the program finds is what the refusal says: the class of the error, then the variables."""
    monkeypatch.setenv("MLWRIGHT_SECRET", "hidden")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        lines = (
            "import os, socket",
            "seen = 'MLWRIGHT_SECRET' in os.environ",
            "try:",
            f"    socket.create_connection(('127.0.0.1', {port}), 2)",
            "    said = 'reached'",
            "except OSError as problem:",
            "    said = type(problem).__name__",
            "raise RuntimeError(f'{said}, secret {seen}')",
        )
        path = pickled(tmp_path, Program("\n".join(lines)))
        with pytest.raises(ModelUnsupported, match="PermissionError, secret False"):
            opened(path, tmp_path)


@pytest.mark.promise("import.apart")
def test_where_the_kernel_allows_it_even_foreign_code_has_no_network(tmp_path: Path) -> None:
    """The kernel's own list of interfaces holds the loopback only."""
    fitted = LogisticRegression().fit(ROWS, LABELS)
    (tmp_path / "good").mkdir()
    imported, _ = opened(pickled(tmp_path / "good", fitted), tmp_path)
    if imported.isolation != "namespace":
        pytest.skip("this kernel allows no namespaces")
    inside = ("text = open('/proc/net/dev').read()", "raise RuntimeError(text.count(':'))")
    path = pickled(tmp_path, Program("\n".join(inside)))
    with pytest.raises(ModelUnsupported, match="RuntimeError: 1$"):
        opened(path, tmp_path)


@pytest.mark.promise("import.apart")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os; os._exit(7)", "ended with status 7"),
        ("import resource; raise RuntimeError(resource.getrlimit(resource.RLIMIT_CORE))", r"\(0, 0\)"),
        ("raise ValueError('not today')", "ValueError: not today"),
        ("print('talk on standard output'); raise KeyError('x')", "KeyError"),
    ],
)
def test_whatever_the_program_does_is_a_refusal(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(ModelUnsupported, match=message) as refusal:
        opened(pickled(tmp_path, Program(source)), tmp_path)
    assert refusal.value.hint


@pytest.mark.promise("import.apart")
def test_what_a_program_starts_and_hides_ends_with_it(tmp_path: Path) -> None:
    fitted = LogisticRegression().fit(ROWS, LABELS)
    (tmp_path / "good").mkdir()
    imported, _ = opened(pickled(tmp_path / "good", fitted), tmp_path)
    if imported.isolation != "namespace":
        pytest.skip("this kernel allows no namespaces")
    mark = f"hidden {tmp_path}"
    hiding = (
        "import subprocess, sys",
        f"line = 'import time; time.sleep(300)  # {mark}'",
        "subprocess.Popen([sys.executable, '-c', line], start_new_session=True)",
        "raise RuntimeError('started')",
    )
    with pytest.raises(ModelUnsupported, match="started"):
        opened(pickled(tmp_path, Program("\n".join(hiding))), tmp_path)
    end = time.monotonic() + 5
    while running(mark) and time.monotonic() < end:
        time.sleep(0.05)
    assert not running(mark)


def running(mark: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(place.read_text())
        except OSError:
            continue
    return [line for line in found if mark in line]


@pytest.mark.promise("import.apart")
def test_a_program_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlwright.packaging.worker_process.LONGEST_S", 2)
    with pytest.raises(ImportTooLong, match="took longer than 2 s") as caught:
        opened(pickled(tmp_path, Program("while True: pass")), tmp_path)
    assert caught.value.hint


@pytest.mark.promise("import.apart")
def test_a_program_gets_no_more_memory_than_there_is(tmp_path: Path) -> None:
    with pytest.raises(ModelUnsupported, match="MemoryError"):
        opened(pickled(tmp_path, Program(f"x = bytearray({free_memory()})")), tmp_path)


@pytest.mark.promise("import.damaged")
@pytest.mark.parametrize("kept", [3, 40, 200, -1])
def test_a_pickle_that_ends_early_is_damaged(tmp_path: Path, kept: int) -> None:
    path = pickled(tmp_path, LogisticRegression().fit(ROWS, LABELS))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelDamaged, match="the file is damaged") as caught:
        opened(path, tmp_path)
    assert caught.value.hint


@pytest.mark.promise("import.refused")
def test_a_pickle_of_another_version_or_without_its_modules_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as past:
        past.setattr("sklearn.base.__version__", "0.22")
        old = pickle.dumps(LogisticRegression().fit(ROWS, LABELS))
    for content, message in (
        (old, "LogisticRegression of scikit-learn 0.22, .* has 1"),
        (b"\x80\x04cnot_there_at_all\nModel\n.", "needs the module 'not_there_at_all'"),
        (b"\x80\x04csklearn.svm\nGoneModel\n.", "names what is not there"),
    ):
        (tmp_path / "model.pkl").write_bytes(content)
        with pytest.raises(LibraryMismatch, match=message) as caught:
            opened(tmp_path / "model.pkl", tmp_path)
        assert "--python" in caught.value.hint


@pytest.mark.promise("import.apart")
@pytest.mark.parametrize("event", ["socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"])
def test_without_namespaces_python_refuses_what_reaches_out(event: str) -> None:
    with pytest.raises(PermissionError, match="reaches no network"):
        refuse_sockets(event, ())
    assert refuse_sockets("open", ()) is None  # type: ignore[func-returns-value]


def test_an_interpreter_that_is_none_is_refused(tmp_path: Path) -> None:
    path = pickled(tmp_path, LogisticRegression().fit(ROWS, LABELS))
    with pytest.raises(ModelUnsupported, match="does not start"):
        opened(path, tmp_path, python=tmp_path / "python")


class Lying(RandomForestClassifier):
    """A forest whose own answers are not those of its trees."""

    def predict_proba(self, X: Any) -> Any:  # noqa: N803 - the parameter of scikit-learn
        scores = super().predict_proba(X)
        return scores * 0.999 + 0.0005


@pytest.mark.promise("import.gate")
def test_the_gate_catches_a_conversion_that_is_wrong(tmp_path: Path) -> None:
    """The trees convert without a complaint; only the answers tell that they are not the model."""
    imported = import_fitted(Lying(8, random_state=1).fit(ROWS, LABELS), "m")
    folder = tmp_path / publish_package(tmp_path, imported.content)
    with pytest.raises(ParityFailed, match=r"differs from the library by up to 0\.0005"):
        imported.check(folder)

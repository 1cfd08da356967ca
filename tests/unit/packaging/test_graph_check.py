"""Every graph is held to the library that runs its file, whatever tensors it takes, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlwright.errors import ModelUnsupported, ParityFailed
from mlwright.packaging.graph_check import check_graph, generate_tensors
from mlwright.packaging.importing import convert_onnx, import_onnx
from mlwright.packaging.onnx_graph import read_graph
from mlwright.packaging.package import publish_package
from tests.unit.packaging import graphs


@pytest.mark.promise("model.import")
@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (graphs.columns_graph(), 2_000),
        (graphs.words_graph(), 2_000),
        (graphs.whole_numbers_graph(), 10_000),
        (graphs.one_row_graph(), 1),
    ],
    ids=["columns", "words", "whole numbers", "one row"],
)
def test_graphs_of_any_tensors_are_checked_on_generated_rows(tmp_path: Path, data: bytes, rows: int) -> None:
    imported = import_onnx(data, "m")
    report = imported.check(tmp_path / publish_package(tmp_path, imported.content))
    assert (report.rows, report.largest_difference) == (rows, 0.0)


@pytest.mark.promise("model.import")
def test_a_graph_that_runs_on_no_row_is_refused(tmp_path: Path) -> None:
    imported = import_onnx(graphs.never_runs_graph(), "m")
    with pytest.raises(ModelUnsupported, match="onnxruntime does not run the graph") as caught:
        imported.check(tmp_path / publish_package(tmp_path, imported.content))
    assert caught.value.hint


def test_a_package_that_differs_from_its_file_is_refused(tmp_path: Path) -> None:
    imported = import_onnx(graphs.words_graph(), "m")
    folder = tmp_path / publish_package(tmp_path, imported.content)
    other = graphs.words_graph(first=0.5)
    with pytest.raises(ParityFailed, match="differs from the library"):
        check_graph(folder, convert_onnx(other).answers, read_graph(other), "m")


def test_generated_rows_hold_what_the_graph_looks_up_and_what_it_has_never_seen() -> None:
    graph = read_graph(graphs.columns_graph())
    tensors = generate_tensors(graph, size=1, integers=(0, 3))
    assert set(tensors["shop"].ravel()) == {"deli", "mall", "", "\u2603 never seen"}
    assert set(tensors["visits"].ravel()) == {0, 1, 2}
    assert tensors["amount"].dtype == np.float32
    assert {tensor.shape for tensor in tensors.values()} == {(2_000, 1)}

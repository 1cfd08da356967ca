"""Real rows are asked too, and find what made rows cannot know of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from mlwright.errors import ColumnMissing, ContractBroken, ParityFailed
from mlwright.packaging.importing import convert_onnx, import_fitted, imported
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.objects import convert_object
from mlwright.packaging.onnx_graph import read_graph
from mlwright.packaging.package import publish_package
from mlwright.packaging.real_rows import graph_rows, kernel_rows
from tests.unit.packaging import graphs
from tests.unit.packaging.test_pipelines import FINALS, encoded, labels, table

SECRET = 0.123456789


class WrongOnce(Ridge):
    """Answers otherwise for one number, which nothing in it tells."""

    def predict(self, X: Any) -> Any:  # noqa: N803 - the parameter of scikit-learn
        return super().predict(X) + (np.asarray(X)[:, 0] == SECRET)


@pytest.mark.promise("import.real-rows", "import.gate")
def test_a_difference_on_one_real_row_refuses_the_model(tmp_path: Path) -> None:
    fitted = WrongOnce().fit(np.arange(30.0).reshape(-1, 3), np.arange(10.0))
    made = import_fitted(fitted, "m")
    folder = tmp_path / publish_package(tmp_path, made.content)
    assert made.check(folder).rows >= 10_000
    rows = pl.DataFrame({"f0": [1.0, SECRET], "f1": [2.0, 2.0], "f2": [3.0, 3.0]})
    with pytest.raises(ParityFailed, match=f"f0={SECRET}"):
        import_fitted(fitted, "m", rows=rows).check(folder)
    with pytest.raises(ColumnMissing, match="f1"):
        import_fitted(fitted, "m", rows=rows.drop("f1"))


@pytest.mark.promise("import.real-rows")
def test_texts_of_a_table_are_places_in_the_levels_of_the_model(tmp_path: Path) -> None:
    matrix, target = table()
    final = FINALS["forest"]
    fitted = make_pipeline(encoded(is_scaled=True), final).fit(matrix, labels(final, target, 2))
    rows = pl.DataFrame(
        {
            "f0": [0.5, None],
            "f1": [5.0, 5.0],
            "f2": [1.7e9, 1.0],
            "f3": ["green", None],
            "f4": ["shop 3", "new"],
            "f5": [2007, 1],
        }
    )
    model = convert_object(fitted).model
    assert isinstance(model, KernelModel)
    found = kernel_rows(model, rows)
    assert [model.levels[3][int(found[0, 3])], model.levels[3][int(found[1, 3])]] == ["green", ""]
    assert found[:, 4].tolist() == [float(model.levels[4].index("shop 3")), -1.0]
    made = import_fitted(fitted, "m", rows=rows)
    assert made.check(tmp_path / publish_package(tmp_path, made.content)).rows == 10_002


@pytest.mark.promise("import.real-rows")
def test_a_graph_takes_columns_by_name_or_in_their_order(tmp_path: Path) -> None:
    graph = read_graph(graphs.columns_graph())
    frame = pl.DataFrame({"shop": ["deli", None, "mall"], "visits": [1, 2, 0], "amount": [0.5, 2.0, 1.0]})
    tensors = graph_rows(graph, frame)
    assert {name: values.shape for name, values in tensors.items()} == dict.fromkeys(
        ("shop", "visits", "amount"), (2, 1)
    )
    conversion = convert_onnx(graphs.columns_graph())
    made = imported(conversion, "m", rows=frame)
    folder = tmp_path / publish_package(tmp_path, made.content)
    assert made.check(folder).rows == 2_002

    def wrong(given: Any) -> list[Any]:
        outputs = list(conversion.answers(given))
        if len(next(iter(given.values()))) == 2:
            outputs[-1] = outputs[-1] + 1.0
        return outputs

    with pytest.raises(ParityFailed):
        imported(replace(conversion, answers=wrong), "m", rows=frame).check(folder)


@pytest.mark.promise("import.real-rows")
def test_a_table_that_does_not_fit_is_refused() -> None:
    graph = read_graph(graphs.whole_numbers_graph())
    with pytest.raises(ContractBroken, match="numbers per row"):
        graph_rows(graph, pl.DataFrame({"only": [1]}))

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlwright.monitoring import Reference, read_reference


@pytest.mark.parametrize(
    ("classes", "label", "index"),
    [
        ((0, 1), 1, 1),
        ((0, 1), 1.0, 1),
        ((0, 1), "1", 1),
        ((0, 1), True, None),
        ((False, True), True, 1),
        ((False, True), "true", 1),
        (("no", "yes"), "yes", 1),
        ((0, 1), 2, None),
        ((0, 1), None, None),
    ],
)
def test_labels_meet_their_class(classes: tuple[object, ...], label: object, index: int | None) -> None:
    assert Reference("binary", classes, classes[1], {}, ()).class_of(label) == index


def test_a_regression_error_counts_beyond_the_evaluations_quantile() -> None:
    reference = Reference("regression", (), None, {"error_quantile": 2.0}, ())
    assert reference.is_wrong(10.0, 12.0) is False
    assert reference.is_wrong(10.0, 12.1) is True
    assert reference.is_wrong(10.0, "12") is None


def test_a_package_without_reference_cells_has_an_empty_yardstick(tmp_path: Path) -> None:
    signature = {"kind": "tensor", "inputs": [], "outputs": [], "classes": [0, 1], "positive": 1}
    (tmp_path / "manifest.json").write_text(json.dumps({"task": "binary", "signature": signature}))
    reference = read_reference(tmp_path)
    assert (reference.quality, reference.columns, reference.positive_index) == ({}, (), 1)


def test_moments_are_not_watched_for_drift(tmp_path: Path) -> None:
    inputs = [{"name": "ts", "type": "timestamp"}, {"name": "amount", "type": "number"}]
    signature = {"kind": "columns", "inputs": inputs, "classes": [0, 1], "positive": 1}
    (tmp_path / "manifest.json").write_text(json.dumps({"task": "binary", "signature": signature}))
    cells = [
        {"name": name, "kind": "number", "edges": [0.0], "counts": [1, 1, 0]} for name in ("ts", "amount")
    ]
    (tmp_path / "reference.json").write_text(json.dumps({"columns": cells, "quality": {}}))
    assert [column["name"] for column in read_reference(tmp_path).columns] == ["amount"]

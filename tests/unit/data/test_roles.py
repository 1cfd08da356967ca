from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from mlwright.data import infer_roles, inspect_table
from mlwright.errors import ColumnMissing, LabelUnusable, TooFewRows
from tests.unit.data.tables import transactions

ROWS = 300


def table(**columns: object) -> pl.DataFrame:
    plain = {"x": [float(i % 17) for i in range(ROWS)], "y": [i % 2 for i in range(ROWS)]}
    return pl.DataFrame({**plain, **columns})


@pytest.mark.promise("init.infers")
@pytest.mark.parametrize(
    ("values", "task", "classes", "positive"),
    [
        ([0, 1], "binary", [0, 1], 1),
        ([False, True], "binary", [False, True], True),
        (["No", "Yes"], "binary", ["No", "Yes"], "Yes"),
        (["fraud", "ok"], "binary", ["ok", "fraud"], "fraud"),
        (["red", "blue", "green"], "multiclass", ["blue", "green", "red"], None),
        ([1, 2, 3], "multiclass", [1, 2, 3], None),
        ([i * 1.25 for i in range(30)], "regression", [], None),
    ],
)
def test_the_label_tells_the_task(
    values: list[object], task: str, classes: list[object], positive: object
) -> None:
    frame = table(y=[values[i % len(values)] for i in range(ROWS)])
    roles = infer_roles(frame, label="y")
    assert (roles.task, roles.classes, roles.positive) == (task, classes, positive)
    assert any(task in sentence for sentence in roles.assumed)


def test_without_a_telling_word_the_rarer_value_is_positive() -> None:
    roles = infer_roles(table(y=["a" if i % 5 == 0 else "b" for i in range(ROWS)]), label="y")
    assert (roles.classes, roles.positive) == (["b", "a"], "a")


def test_a_wished_positive_wins() -> None:
    roles = infer_roles(table(), label="y", positive="0")
    assert (roles.classes, roles.positive) == ([1, 0], 0)


def test_columns_that_cannot_be_features_are_ignored_with_a_reason() -> None:
    roles = infer_roles(
        table(
            constant=["k"] * ROWS,
            empty=[None] * ROWS,
            code=[f"c{i}" for i in range(ROWS)],
            order_id=list(range(ROWS)),
            store_id=[i % 5 for i in range(ROWS)],
            count=list(range(ROWS)),
            said=["a", "b"] * (ROWS // 2),
            listed=[[1]] * ROWS,
        ),
        label="y",
        ignore=["said"],
    )
    assert roles.ignored == {
        "constant": "it is always 'k'",
        "empty": "it is always empty",
        "code": "every row has another value, like an identifier",
        "order_id": "it numbers the rows, like an identifier",
        "said": "you said so",
        "listed": "values of type List(Int64) cannot be features",
    }
    assert [column.name for column in roles.inputs] == ["x", "store_id", "count"]


def test_time_is_an_input_and_group_is_not() -> None:
    roles = infer_roles(transactions(), label="is_fraud", time="ts", group="customer_id")
    kinds = {column.name: column.type for column in roles.inputs}
    assert kinds == {"ts": "timestamp", "amount": "number", "category": "string", "distance": "number"}
    assert [column.name for column in roles.inputs if column.nullable] == ["distance"]


def test_a_number_as_time_only_orders_rows() -> None:
    roles = infer_roles(table(step=list(range(ROWS))), label="y", time="step")
    assert roles.ignored["step"] == "it only orders rows"


@pytest.mark.promise("init.infers")
def test_what_a_table_cannot_tell_is_said() -> None:
    roles = infer_roles(table(), label="y")
    said = " ".join(roles.unknown)
    for subject in ("has to be predicted", "label_delay_days", "cost", "--group"):
        assert subject in said


def test_a_column_that_knows_the_label_is_a_warning() -> None:
    generator = np.random.default_rng(1)
    label = (generator.random(2000) < 0.2).astype(int)
    noise = generator.random(2000) < 0.02
    frame = pl.DataFrame({"y": label, "copy": np.where(noise, 1 - label, label), "x": generator.random(2000)})
    warnings = infer_roles(frame, label="y").warnings
    assert len(warnings) == 1
    assert warnings[0].startswith("'copy' alone tells the label")


def test_text_that_is_almost_a_number_is_a_finding() -> None:
    prices = [str(i) for i in range(ROWS - 1)] + ["12 EUR"]
    frame = pl.concat([table(price=prices), table(price=prices)])
    found = inspect_table(frame, infer_roles(frame, label="y").types)
    assert [finding.key for finding in found] == ["column.mixed:price"]
    assert "'12 EUR'" in found[0].text


@pytest.mark.parametrize(
    ("label", "column", "error"),
    [
        ("z", None, ColumnMissing),
        ("bad", [1] * ROWS, LabelUnusable),
        ("bad", [None] * ROWS, LabelUnusable),
        ("bad", [f"v{i}" for i in range(ROWS)], LabelUnusable),
    ],
)
def test_a_label_that_cannot_be_learned_is_refused(
    label: str, column: list[object] | None, error: type[Exception]
) -> None:
    frame = table() if column is None else table(bad=column)
    with pytest.raises(error):
        infer_roles(frame, label=label)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(TooFewRows):
        infer_roles(table().head(5), label="y")

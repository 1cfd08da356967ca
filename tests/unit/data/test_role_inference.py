from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from mlwright.data import Roles, infer_roles, is_free_text
from mlwright.errors import ConfigError, TimeUnusable, UsageError

ROWS = 400
START = datetime(2024, 1, 1)  # noqa: DTZ001  # columns without a zone
HOURS = [START + timedelta(hours=at) for at in range(ROWS)]


def roles_of(wishes: dict[str, object] | None = None, **columns: object) -> Roles:
    generator = np.random.default_rng(2)
    plain = {"x": generator.normal(size=ROWS), "y": generator.integers(0, 2, ROWS)}
    return infer_roles(pl.DataFrame({**plain, **columns}), label="y", **(wishes or {}))  # type: ignore[arg-type]  # keywords of a test


@pytest.mark.promise("roles.guessed")
@pytest.mark.parametrize(
    ("columns", "time"),
    [
        ({"time_hour": HOURS[::-1]}, "time_hour"),
        ({"saleDate": HOURS[::-1], "updated_at": HOURS}, "saleDate"),
        ({"whenever": HOURS}, "whenever"),
        ({"born": HOURS}, None),
        ({"due_date": HOURS, "closed_at": HOURS}, None),
        ({"known_since": HOURS[200:] + HOURS[:200]}, None),
        ({"Time": range(ROWS)}, "Time"),
        ({"time": [at % 50 for at in range(ROWS)]}, None),
    ],
)
def test_the_time_is_guessed_from_names_values_and_order(
    columns: dict[str, object], time: str | None
) -> None:
    found = roles_of(**columns)
    assert found.time == time
    if time is not None:
        assert any(time in sentence and "--time none" in sentence for sentence in found.assumed)
        assert found.guessed[time]


@pytest.mark.promise("roles.guessed")
def test_the_group_is_a_person_or_thing_with_several_rows_where_no_time_orders_them() -> None:
    patients = [f"p{at // 4}" for at in range(ROWS)]
    found = roles_of(patient_id=patients, shop_id=[at % 40 for at in range(ROWS)])
    assert found.group == "patient_id"
    assert found.guessed["patient_id"] == "it names 100 units with 4.0 rows each on average"
    assert "patient_id" not in {column.name for column in found.inputs}
    assert roles_of(patient_id=patients, ts=HOURS).group is None
    assert roles_of(id=[at // 4 for at in range(ROWS)]).group == "id"
    assert roles_of(id=list(range(ROWS))).group is None


@pytest.mark.promise("roles.guessed")
def test_weight_id_label_time_and_sensitive_are_guessed_and_no_features_but_the_last() -> None:
    found = roles_of(
        sample_weight=[1.0, 2.0] * (ROWS // 2),
        claim_id=[f"c{at:05d}" for at in range(ROWS)],
        ts=HOURS,
        label_at=[moment + timedelta(days=3) for moment in HOURS],
        gender=["f", "m"] * (ROWS // 2),
    )
    assert (found.weight, found.id, found.label_time) == ("sample_weight", "claim_id", "label_at")
    assert found.sensitive == ("gender",)
    assert [column.name for column in found.inputs] == ["x", "ts", "gender"]
    assert len(found.guessed) == 5


@pytest.mark.promise("roles.guessed")
def test_a_guess_can_be_refused_or_overridden() -> None:
    columns = {"ts": HOURS, "seen": HOURS, "gender": ["f", "m"] * (ROWS // 2), "row_id": list(range(ROWS))}
    refused = roles_of({"time": "none", "sensitive": ["none"], "id": "none"}, **columns)
    assert (refused.time, refused.sensitive, refused.id) == (None, (), None)
    assert roles_of({"time": "seen"}, **columns).time == "seen"


def test_a_measured_weight_is_only_asked_about() -> None:
    found = roles_of(weight=[float(at % 9) for at in range(ROWS)])
    assert found.weight is None
    assert any("--weight weight" in sentence for sentence in found.unknown)


@pytest.mark.parametrize(
    ("wishes", "error"),
    [
        ({"weight": "x"}, ConfigError),
        ({"label_time": "told", "time": "none"}, UsageError),
        ({"time": "word"}, TimeUnusable),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wishes: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        roles_of(wishes, told=HOURS, word=["a", "b"] * (ROWS // 2))


def test_free_text_is_a_feature_and_codes_are_not() -> None:
    words = ["battery", "screen", "works", "broke", "after", "days", "great", "poor"]
    generator = np.random.default_rng(4)
    reviews = [" ".join(generator.choice(words, 6)) + f" number {at}" for at in range(ROWS)]
    found = roles_of(review=reviews, code=[f"A-{at}" for at in range(ROWS)])
    assert found.text == ("review",)
    assert "code" in found.ignored
    assert not is_free_text(pl.Series(["New York City Hall Plaza", "Rue de la Paix"] * 200))

from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from mlwright import native
from mlwright.data import DataContract, check_days, conform, infer_contract, infer_roles, write_contract
from mlwright.data.contract import ColumnContract, LabelContract
from mlwright.errors import ColumnMissing, ContractBroken, DataError
from tests.unit.data.tables import on_day, transactions

HISTORY_DAYS = 60
BAD_DAY = date(2024, 3, 20)


def contract_of(frame: pl.DataFrame) -> DataContract:
    roles = infer_roles(frame, label="is_fraud", time="ts", group="customer_id", ignore=["transaction_id"])
    return infer_contract(frame, roles)


@pytest.fixture(scope="module")
def days() -> pl.DataFrame:
    return transactions(days=120)


@pytest.fixture(scope="module")
def contract(days: pl.DataFrame) -> DataContract:
    return contract_of(days.filter(pl.col("ts") < pl.date(2024, 3, 1)))


def later(days: pl.DataFrame) -> pl.DataFrame:
    return days.filter(pl.col("ts") >= pl.date(2024, 3, 1))


def change(frame: pl.DataFrame, column: str, value: pl.Expr) -> pl.DataFrame:
    return frame.with_columns(pl.when(on_day(BAD_DAY)).then(value).otherwise(pl.col(column)).alias(column))


def break_day(frame: pl.DataFrame, how: str) -> pl.DataFrame:
    third = pl.col("transaction_id") % 3 == 0
    match how:
        case "times 100":
            return change(frame, "amount", pl.col("amount") * 100)
        case "null burst":
            return change(frame, "distance", pl.when(third).then(pl.col("distance")))
        case "null where none is allowed":
            return change(frame, "amount", pl.when(~third).then(pl.col("amount")))
        case "stuck number":
            return change(frame, "amount", pl.lit(12.5))
        case "stuck text":
            return change(frame, "category", pl.lit("a"))
        case "unseen texts":
            return change(frame, "category", pl.when(third).then(pl.lit("new")).otherwise(pl.col("category")))
        case "another type":
            return frame.with_columns(
                pl.col("amount").cast(pl.String)
                + pl.when(on_day(BAD_DAY)).then(pl.lit("€")).otherwise(pl.lit(""))
            )
        case "doubled":
            return pl.concat([frame, frame.filter(on_day(BAD_DAY))])
        case "yesterday again":
            before = frame.filter(on_day(BAD_DAY - timedelta(days=1)))
            again = before.with_columns(pl.col("ts") + timedelta(days=1))
            return pl.concat([frame.filter(~on_day(BAD_DAY)), again])
        case _:
            return frame.filter(~on_day(BAD_DAY) | (pl.col("transaction_id") % 50 == 0))


INCIDENTS = (
    "times 100",
    "null burst",
    "null where none is allowed",
    "stuck number",
    "stuck text",
    "unseen texts",
    "another type",
    "doubled",
    "yesterday again",
    "cut short",
)


@pytest.mark.parametrize("how", INCIDENTS)
def test_a_broken_day_is_found_and_only_that_day(
    days: pl.DataFrame, contract: DataContract, how: str
) -> None:
    broken = break_day(later(days), how)
    clean, findings = check_days(broken, contract, on_bad_day="quarantine")
    assert [finding.evidence["day"] for finding in findings if finding.name == "contract.day"] == [
        str(BAD_DAY)
    ]
    assert clean.filter(on_day(BAD_DAY)).height == 0
    assert clean.columns == ["ts", "customer_id", "amount", "category", "distance", "is_fraud"]


@pytest.mark.parametrize("how", [how for how in INCIDENTS if how != "another type"])
def test_a_contract_made_from_rows_with_a_broken_day_still_finds_it(days: pl.DataFrame, how: str) -> None:
    broken = break_day(days, how)
    _, findings = check_days(broken, contract_of(broken))
    assert [finding.evidence["day"] for finding in findings if finding.name == "contract.day"] == [
        str(BAD_DAY)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_clean_days_pass(seed: int) -> None:
    days = transactions(seed=seed, days=120)
    contract = contract_of(days.filter(pl.col("ts") < pl.date(2024, 3, 1)))
    clean, findings = check_days(later(days), contract)
    assert findings == []
    assert clean.height == later(days).height


def test_a_day_that_never_came_is_a_warning(days: pl.DataFrame, contract: DataContract) -> None:
    rows = later(days).filter(~on_day(BAD_DAY))
    clean, findings = check_days(rows, contract)
    assert [(finding.name, finding.evidence["days"]) for finding in findings] == [
        ("contract.gap", [str(BAD_DAY)])
    ]
    assert clean.height == rows.height


def test_a_bad_day_can_fail_the_run(days: pl.DataFrame, contract: DataContract) -> None:
    with pytest.raises(ContractBroken, match="1 of 60 days"):
        check_days(break_day(later(days), "stuck number"), contract, on_bad_day="fail")


def test_when_most_days_are_bad_the_contract_is_in_doubt(days: pl.DataFrame, contract: DataContract) -> None:
    with pytest.raises(ContractBroken, match="60 of 60 days"):
        check_days(later(days).with_columns(pl.col("amount") * 1000), contract)


def test_single_broken_rows_and_rows_without_label_are_left_out(
    days: pl.DataFrame, contract: DataContract
) -> None:
    rows = later(days).with_row_index("n")
    far = pl.when(pl.col("n") == 5).then(1e12).otherwise(pl.col("amount")).alias("amount")
    unknown = pl.when(pl.col("n") != 9).then(pl.col("is_fraud")).alias("is_fraud")
    clean, findings = check_days(rows.with_columns(far, unknown).drop("n"), contract)
    assert {finding.name: finding.severity for finding in findings} == {
        "contract.rows": "warning",
        "label.missing": "info",
    }
    assert clean.height == rows.height - 2


def test_a_column_that_is_missing_is_named(days: pl.DataFrame, contract: DataContract) -> None:
    for check in (conform, check_days):
        with pytest.raises(ColumnMissing, match="'amount'"):
            check(days.drop("amount"), contract)


def test_conform_gives_the_types_of_the_contract(days: pl.DataFrame, contract: DataContract) -> None:
    texts = days.select(pl.all().cast(pl.String))
    typed = conform(texts, contract)
    assert typed.equals(conform(days, contract))
    assert "is_fraud" not in conform(days.drop("is_fraud"), contract).columns


def test_conform_names_the_value_of_another_type(days: pl.DataFrame, contract: DataContract) -> None:
    with pytest.raises(ContractBroken, match="'amount' is '.*€', which is not of type number"):
        conform(break_day(later(days), "another type"), contract)


def test_a_contract_survives_its_document(contract: DataContract) -> None:
    assert DataContract.from_json(write_contract(contract)) == contract
    assert DataContract.from_json(json.loads(json.dumps(contract.to_json()))) == contract


def test_a_document_with_an_unknown_rule_is_refused(contract: DataContract) -> None:
    text = write_contract(contract).replace('"max_null_rate"', '"max_nul_rate"')
    with pytest.raises(DataError, match="max_nul_rate"):
        DataContract.from_json(text)


def test_inputs_leave_out_label_group_and_ignored_columns(contract: DataContract) -> None:
    names = [column.name for column in contract.inputs(ignore=["distance"], group="customer_id")]
    assert names == ["ts", "amount", "category"]


def test_the_server_reads_the_same_contract(days: pl.DataFrame, contract: DataContract) -> None:
    rows = days.head(50).drop("is_fraud").to_dicts()
    good = [json.dumps(row, default=str) for row in rows]
    assert set(native.check_rows(write_contract(contract), good)) == {None}
    bad = json.dumps({**rows[0], "amount": 1e12}, default=str)
    violation = native.check_rows(write_contract(contract), [bad])[0]
    assert violation is not None
    assert json.loads(violation)["kind"] == "range"


def test_closed_levels_and_lengths_are_row_rules() -> None:
    contract = DataContract(
        columns=(
            ColumnContract("shop", "string", nullable=False, levels=("a", "b"), closed=True, max_length=3),
        ),
        label=LabelContract("y", "integer", (0, 1)),
    )
    frame = pl.DataFrame({"shop": ["a"] * 98 + ["c", "long"], "y": [0] * 100})
    clean, findings = check_days(frame, contract)
    assert clean.height == 98
    assert findings[0].text == "2 rows break the contract in 'shop' (length), 'shop' (level)"

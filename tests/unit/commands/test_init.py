from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from mlwright.commands.init import InitRequest, InitResult, init
from mlwright.data import DataContract, FileSource, check_days
from mlwright.errors import ColumnMissing, MlwrightError, ProjectExists, SourceUnreadable, UsageError
from mlwright.project import Config, find_project
from tests.unit.data.tables import transactions


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("payments") / "payments.parquet"
    transactions().write_parquet(path)
    return path


def make(parent: Path, data: Path, **wishes: object) -> tuple[InitResult, Config]:
    wished = {"label": "is_fraud", "time": "ts", **wishes}
    result = init(InitRequest("fraud", parent, data=(str(data),), **wished))  # type: ignore[arg-type]
    return result, find_project(result.root).config


@pytest.mark.promise("init.writes")
def test_init_writes_settings_that_load_and_a_contract(tmp_path: Path, payments: Path) -> None:
    result, config = make(tmp_path, payments, template="fraud", ignore=("transaction_id",))
    assert sorted(path.name for path in result.root.iterdir()) == ["contract.json", "mlwright.toml"]
    assert [path.name for path in tmp_path.iterdir()] == ["fraud"]
    data, training = config.data, config.training
    assert (data.label, data.positive, data.time, data.split.by) == ("is_fraud", 1, "ts", "ts")
    assert (data.unlabelled, data.ignore) == ("negative", ("transaction_id", "customer_id"))
    assert (training.metric, training.threshold) == ("average_precision", "best_f1")
    assert set(config.triggers) == {"quality", "weekly"}
    assert set(config.monitors) == {"quality", "drift"}
    assert config.deployment["production"].unit == "customer_id"
    contract = DataContract.from_json((result.root / "contract.json").read_bytes())
    assert contract.label is not None
    assert contract.label.values == (0, 1)
    assert FileSource(result.root, data.source).read().height == result.rows


@pytest.mark.promise("init.infers", "init.writes")
def test_what_was_assumed_is_said_and_marked_in_the_file(tmp_path: Path, payments: Path) -> None:
    result, config = make(tmp_path, payments)
    text = (result.root / "mlwright.toml").read_text()
    assert 'task = "binary"  # assumed from the label' in text
    assert "positive = 1  # assumed" in text
    assert "label_delay_days = 0.0  # assumed" in text
    rate = transactions()["is_fraud"].mean()
    assert config.gates["quality"].at_least == pytest.approx(2 * rate, rel=1e-3)  # type: ignore[operator]
    roles = {column.name: column.role for column in result.columns}
    assert roles["is_fraud"] == "label"
    assert roles["ts"] == "time"
    assert roles["transaction_id"] == "id"
    assert all(column.reason for column in result.columns if column.role == "ignored")
    assert result.assumed
    assert result.unknown
    assert result.next_steps == ("cd fraud", "mlwright run", "mlwright up")


def test_what_was_said_is_not_marked_as_assumed(tmp_path: Path, payments: Path) -> None:
    result, _ = make(tmp_path, payments, task="binary", positive="1")
    text = (result.root / "mlwright.toml").read_text()
    assert 'task = "binary"\n' in text
    assert "positive = 1\n" in text


@pytest.mark.parametrize(
    ("label", "metric", "gate", "bound"),
    [
        ("category", "log_loss", "accuracy", 0.4),
        ("amount", "rmse", "r2", 0.0),
        ("is_large", "auc", "auc", 0.6),
    ],
)
def test_metric_and_gate_follow_the_task(
    tmp_path: Path, payments: Path, label: str, metric: str, gate: str, bound: float
) -> None:
    table = tmp_path / "table.parquet"
    pl.read_parquet(payments).with_columns(is_large=pl.col("distance") > 20).write_parquet(table)
    _, config = make(tmp_path, table, label=label)
    assert config.training.metric == metric
    assert config.gates["quality"].metric == gate
    assert config.gates["quality"].at_least == pytest.approx(bound, abs=0.02)


def test_a_file_inside_the_project_is_named_relatively(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, config = make(tmp_path, payments_at(tmp_path / "elsewhere"))
    assert config.data.source == (tmp_path / "elsewhere" / "payments.parquet").as_posix()
    monkeypatch.chdir(tmp_path)
    inner = init(InitRequest("second", tmp_path, data=("elsewhere/*.parquet",), label="is_fraud"))
    source = find_project(inner.root).config.data.source
    assert source == (tmp_path / "elsewhere").as_posix() + "/*.parquet"
    assert result.root != inner.root


def payments_at(folder: Path) -> Path:
    folder.mkdir()
    transactions().write_parquet(folder / "payments.parquet")
    return folder / "payments.parquet"


@pytest.mark.promise("init.formats")
def test_init_reads_an_odd_csv(tmp_path: Path) -> None:
    lines = ["\ufeffid; Name ;when;x=y;y;empty;const"]
    for i in range(300):
        number, word = (i / 2 if i % 9 else "?"), ("Yes" if i % 3 else "No")
        lines.append(f"{i:05d};n {i % 7};2024-01-{1 + i % 28:02d} 10:00;{number};{word};;k")
    (tmp_path / "odd.csv").write_text("\n".join(lines))
    result, config = make(tmp_path, tmp_path / "odd.csv", label="y", time="when")
    kinds = {column.name: (column.type, column.role) for column in result.columns}
    assert kinds["x=y"] == ("number", "input")
    assert kinds["when"] == ("timestamp", "time")
    assert config.data.positive == "Yes"
    assert config.data.id == "id"
    assert set(config.data.ignore) == {"empty", "const"}


@pytest.mark.promise("init.empty")
def test_empty_makes_a_project_without_data(tmp_path: Path) -> None:
    result = init(InitRequest("shop", tmp_path, empty=True))
    config = find_project(result.root).config
    assert config.data.label is None
    assert config.deployment["production"].model == "shop@champion"
    assert [path.name for path in result.root.iterdir()] == ["mlwright.toml"]


@pytest.mark.promise("init.folder")
def test_a_folder_with_something_in_it_is_refused(tmp_path: Path, payments: Path) -> None:
    (tmp_path / "fraud").mkdir()
    (tmp_path / "fraud" / "notes.txt").write_text("mine")
    with pytest.raises(ProjectExists):
        make(tmp_path, payments)
    assert [path.name for path in (tmp_path / "fraud").iterdir()] == ["notes.txt"]


@pytest.mark.promise("init.folder")
def test_an_empty_folder_becomes_the_project(tmp_path: Path, payments: Path) -> None:
    (tmp_path / "fraud").mkdir()
    assert make(tmp_path, payments)[0].root == tmp_path / "fraud"


@pytest.mark.parametrize(
    ("wishes", "error"),
    [
        ({"label": "is_frod"}, ColumnMissing),
        ({"label": None}, UsageError),
        ({"time": "amount_at"}, ColumnMissing),
        ({"empty": True}, UsageError),
    ],
)
def test_a_refusal_leaves_nothing_behind(
    tmp_path: Path, payments: Path, wishes: dict[str, object], error: type[MlwrightError]
) -> None:
    with pytest.raises(error) as caught:
        make(tmp_path, payments, **wishes)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "ä"])
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        init(InitRequest(name, tmp_path, empty=True))


def test_a_missing_file_suggests_the_nearest(tmp_path: Path, payments: Path) -> None:
    with pytest.raises(SourceUnreadable) as caught:
        make(tmp_path, payments.with_name("payment.parquet"))
    assert "payments.parquet" in caught.value.hint


@pytest.mark.promise("cli.light")
def test_importing_the_command_loads_no_data_library() -> None:
    code = (
        "import sys, mlwright.commands.init, mlwright.data\n"
        "print([name for name in ('numpy', 'polars', 'sklearn', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.promise("init.infers")
def test_what_only_rows_without_a_label_have_is_no_part_of_the_contract(tmp_path: Path) -> None:
    kinds = ["pipe", "cigar", None] * 40
    smokes = [None if kind is None else "yes" for kind in kinds]
    frame = pl.DataFrame({"kind": kinds, "smokes": smokes, "age": [20 + at % 50 for at in range(120)]})
    frame = frame.with_columns(pl.col("smokes").fill_null("no"))
    result = init(InitRequest("smokers", tmp_path, label="kind", frame=frame))
    assert {column.name: column.role for column in result.columns}["smokes"] == "ignored"
    left, findings = check_days(frame, DataContract.from_json((result.root / "contract.json").read_bytes()))
    assert left.height == 80
    assert [finding.name for finding in findings] == ["label.missing"]

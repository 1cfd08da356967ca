from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from mlwright.commands.label_add import LabelAddRequest, label_add
from mlwright.errors import LabelsInvalid
from mlwright.monitoring import joined, labels
from mlwright.project import Project
from tests.serving.conftest import Stage
from tests.serving.packages import row

ID = "0123456789abcdef0000000001"


@pytest.mark.promise("label.add")
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
def test_labels_from_a_file_meet_their_predictions(stage: Stage, tmp_path: Path, suffix: str) -> None:
    with stage.client() as client:
        served = client.predict(row(50), row(150))
    frame = pl.DataFrame({"id": [item["id"] for item in served], "label": [1, 0]})
    path = tmp_path / f"labels{suffix}"
    write = {".csv": frame.write_csv, ".parquet": frame.write_parquet, ".arrow": frame.write_ipc}[suffix]
    write(path)
    assert label_add(LabelAddRequest(stage.project.root, path)).added == 2
    found = joined(stage.project.log, "production")
    assert dict(zip(found["id"], found["label"], strict=True)) == {served[0]["id"]: "1", served[1]["id"]: "0"}


def test_a_given_time_of_arrival_is_kept(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"id,label,arrived_at\n{ID},1,2026-01-05T10:00:00\n")
    label_add(LabelAddRequest(project.root, path))
    assert labels(project.log)["labelled_at"].to_list() == [datetime(2026, 1, 5, 10, tzinfo=UTC)]


@pytest.mark.promise("label.add")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,target\n" + ID + ",1\n", "lacks the columns"),
        ("id,label\n" + ID + ",1\nabc,0\n", "row 1: 'abc'"),
        ("id,label\n" + ID.upper() + ",1\n", "row 0"),
        ("id,label\n" + ID + ",\n", "without a label"),
        ("id,label,arrived_at\n" + ID + ",1,soon\n", "does not hold times"),
        ("", "cannot be read"),
    ],
)
def test_a_file_with_one_bad_row_adds_nothing(
    project: Project, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(LabelsInvalid, match=message):
        label_add(LabelAddRequest(project.root, path))
    assert labels(project.log).is_empty()


def test_a_file_that_is_not_there_is_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(LabelsInvalid, match=r"absent\.csv"):
        label_add(LabelAddRequest(project.root, tmp_path / "absent.csv"))

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from mlwright.data import FileSource, digest_files, find_files
from mlwright.errors import SourceUnreadable
from mlwright.store import Database

FRAME = pl.DataFrame({"x": [1, 2], "name": ["a", None]})


@pytest.mark.promise("init.formats")
@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz", "t.arrow", "t.feather", "stream.arrow"])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    match path.suffix:
        case ".parquet":
            FRAME.write_parquet(path)
        case ".csv":
            FRAME.write_csv(path)
        case ".gz":
            path.write_bytes(gzip.compress(FRAME.write_csv().encode()))
        case _ if path.stem == "stream":
            FRAME.write_ipc_stream(path)
        case _:
            FRAME.write_ipc(path)
    assert FileSource(tmp_path, name).read().equals(FRAME)


def test_marks_of_missing_values_in_csv_are_null_and_types_are_found(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "\ufeffn;zip;when;flag;word\n1;01234;2024-01-05;true;?\n"
        "?;00001;2024-01-06 10:30;False; b \nNA;12345;;;\n"
    )
    frame = FileSource(tmp_path, "t.csv").read()
    assert frame["n"].to_list() == [1, None, None]
    assert frame["zip"].to_list() == ["01234", "00001", "12345"]
    assert frame.schema["when"] == pl.Datetime("us")
    assert frame["flag"].to_list() == [True, False, None]
    assert frame["word"].to_list() == [None, "b", None]


def test_a_glob_reads_files_in_order_and_fills_columns_that_one_lacks(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "day1.parquet")
    pl.DataFrame({"x": [3], "new": [True]}).write_parquet(tmp_path / "day2.parquet")
    source = FileSource(tmp_path, "day*.parquet")
    assert source.read()["new"].to_list() == [None, None, True]


def test_csv_files_together_get_the_type_that_fits_all(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n2.5\n")
    assert FileSource(tmp_path, ("a.csv", "b.csv")).read()["x"].to_list() == [1.0, 2.5]


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("trans.parquet", None, "did you mean 'tran.parquet'?"),
        ("broken.parquet", b"PAR?", "reads .parquet"),
        ("table.xlsx", b"x", "reads .parquet"),
        ("empty.csv", b"", "header and rows"),
    ],
)
def test_what_cannot_be_read_says_what_can(
    tmp_path: Path, name: str, content: bytes | None, hint: str
) -> None:
    (tmp_path / "tran.parquet").write_bytes(b"")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceUnreadable) as caught:
        FileSource(tmp_path, name).read()
    assert hint in caught.value.hint


@pytest.mark.promise("init.formats")
def test_a_folder_is_read_with_what_the_names_of_its_folders_say(tmp_path: Path) -> None:
    for year, part in (("2024", 1), ("2024", 2), ("2025", 1)):
        folder = tmp_path / "sales" / f"year={year}"
        folder.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"x": [part]}).write_parquet(folder / f"part-{part}.parquet")
    (tmp_path / "sales" / "_SUCCESS").touch()
    (tmp_path / "sales" / "_metadata.parquet").write_bytes(b"not a table")
    assert FileSource(tmp_path, "sales").read().to_dict(as_series=False) == {
        "x": [1, 2, 1],
        "year": [2024, 2024, 2025],
    }
    assert FileSource(tmp_path, "sales/year=2024/*.parquet").read().columns == ["x"]
    assert FileSource(tmp_path, "sales/*/*.parquet").read()["year"].to_list() == [2024, 2024, 2025]


def test_the_same_file_under_another_folder_value_has_another_digest(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "facts.sqlite")
    digests = []
    for year in ("2024", "2025"):
        folder = tmp_path / year / f"year={year}"
        folder.mkdir(parents=True)
        (folder / "t.csv").write_text("x\n1\n")
        digests += digest_files(database, find_files(tmp_path, year))
    assert digests[0].split(":")[0] == digests[1].split(":")[0]
    assert [digest.split(":")[1] for digest in digests] == ["year=2024", "year=2025"]


def test_a_lake_table_is_not_read_as_a_folder_of_files(tmp_path: Path) -> None:
    (tmp_path / "lake" / "_delta_log").mkdir(parents=True)
    FRAME.write_parquet(tmp_path / "lake" / "removed.parquet")
    with pytest.raises(SourceUnreadable, match="Delta Lake"):
        FileSource(tmp_path, "lake").read()


def test_a_folder_without_tables_says_what_could_be_in_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceUnreadable) as caught:
        FileSource(tmp_path, "empty").read()
    assert "the folder holds no table" in caught.value.hint

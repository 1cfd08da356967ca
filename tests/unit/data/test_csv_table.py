"""CSV as people have it."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from mlwright.data import FileSource
from mlwright.errors import SourceUnreadable

WORDS = {"name": ["Zoë", "Bär"], "price": [1234.5, 0.25], "n": [1, 2]}


def read(folder: Path, content: str | bytes, name: str = "t.csv") -> dict[str, list[object]]:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return FileSource(folder, name).read().to_dict(as_series=False)


@pytest.mark.promise("input.csv")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_usual_encoding_gives_the_same_rows(tmp_path: Path, encoding: str, ending: str) -> None:
    text = "name;price;n\nZoë;1.234,5;1\nBär;0,25;2\n".replace("\n", ending)
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    assert read(tmp_path, mark + text.encode(encoding)) == WORDS


@pytest.mark.promise("input.csv")
def test_a_byte_that_is_no_utf_8_late_in_a_big_file_is_read_too(tmp_path: Path) -> None:
    rows = "a,1\n" * 40_000 + "é,2\n"
    found = read(tmp_path, ("name,n\n" + rows).encode("latin-1"))
    assert (len(found["n"]), found["name"][-1]) == (40_001, "é")


@pytest.mark.promise("input.csv")
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_outside_of_quotes(tmp_path: Path, mark: str) -> None:
    other = "; " if mark == "," else ", "
    lines = [f'"a{other}b{other}c"{mark}n', f'"x{other}""y"""{mark}1', f'"two\nlines"{mark}2']
    assert read(tmp_path, "\n".join(lines)) == {
        f"a{other}b{other}c": [f'x{other}"y"', "two\nlines"],
        "n": [1, 2],
    }


@pytest.mark.promise("input.csv")
@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("v;w\n1,5;a\n-2;b\n", [1.5, -2.0]),
        ("v;w\n1.000,5;a\n12.345.678;b\n", [1000.5, 12345678.0]),
        ("v;w\n1,234;a\n5,678;b\n", [1.234, 5.678]),
        ('v,w\n"1,5",a\n"2,25",b\n', [1.5, 2.25]),
        ('v,w\n"1,234",a\n"5,678,901",b\n', [1234, 5678901]),
        ('v,w\n"1,234.5",a\n"5,678.0",b\n', [1234.5, 5678.0]),
        ('v,w\n"1,2,3",a\n"4,5",b\n', ["1,2,3", "4,5"]),
        ('v,w\n"1,234.5",a\n5,b\n', [1234.5, 5.0]),
        ('v,w\n"$1,234.50",a\n-$8,b\n', [1234.5, -8.0]),
        ("v;w\n€ 1.234,50;a\n8 €;b\n", [1234.5, 8.0]),
        ("v,w\n12.5%,a\n-3 %,b\n", [12.5, -3.0]),
        ("v,w\n$5,a\n€5,b\n", ["$5", "€5"]),
        ("v,w\n$5,a\nfree,b\n", ["$5", "free"]),
        ("v,w\n12 kg,a\n13 kg,b\n", ["12 kg", "13 kg"]),
        ("v;w\n 7 ;a\n8 ;b\n", [7, 8]),
    ],
)
def test_numbers_are_read_as_meant(tmp_path: Path, text: str, values: list[object]) -> None:
    assert read(tmp_path, text)["v"] == values


@pytest.mark.promise("input.csv")
def test_lines_of_two_encodings_are_read_each_in_its_own(tmp_path: Path) -> None:
    assert read(tmp_path, "größe,n\nä,1\n".encode() + "ö,2\n".encode("latin-1")) == {
        "größe": ["ä", "ö"],
        "n": [1, 2],
    }


@pytest.mark.promise("input.csv")
def test_a_header_between_the_rows_is_no_row(tmp_path: Path) -> None:
    assert read(tmp_path, "a,b\n1,2\na, b\n3,4\n") == {"a": [1, 3], "b": [2, 4]}
    assert read(tmp_path, "word\nno\nword\n") == {"word": ["no", "word"]}


@pytest.mark.promise("input.bad")
def test_a_title_before_the_header_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable) as refused:
        read(tmp_path, "Export of 2024-01-01\na,b\n1,2\n")
    assert "before the header" in refused.value.hint


@pytest.mark.promise("input.csv")
def test_a_first_line_that_names_the_separator_is_no_header(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=|\na|b\n1|x\n") == {"a": [1], "b": ["x"]}


@pytest.mark.promise("input.csv")
def test_a_quote_in_the_middle_of_a_value_is_a_letter(tmp_path: Path) -> None:
    assert read(tmp_path, 'a,b\n1,5" pipe\n2,"say ""hi"""\n3\n') == {
        "a": [1, 2, 3],
        "b": ['5" pipe', 'say "hi"', None],
    }


@pytest.mark.promise("input.csv", "input.bad")
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "a,b\n1,2\n1,2,3\n", "row 3 has 3 values, the header has 2"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n")[:-9], "is not whole"),
        ("t.csv.gz", b"a,b\n1,2\n", "is not whole"),
        ("t.csv", "\n\n\n", "no header"),
    ],
)
def test_a_broken_file_is_refused_by_what_is_wrong(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    with pytest.raises(SourceUnreadable, match=said) as caught:
        read(tmp_path, content, name)
    assert caught.value.hint


@pytest.mark.promise("input.csv")
def test_ten_thousand_columns_are_read_at_once(tmp_path: Path) -> None:
    wide = pl.DataFrame({f"c{at}": [at, at + 1] for at in range(10_000)})
    wide.write_csv(tmp_path / "t.csv")
    assert FileSource(tmp_path, "t.csv").read().equals(wide)

"""Numbers as people write them: with commas, a currency, percent or a unit."""

from __future__ import annotations

import polars as pl

GROUPED = r"^[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?$"  # 1,234,567.8
DECIMAL_COMMA = r"^[+-]?(\d+|\d{1,3}([. \u00a0']\d{3})+)?(,\d+)?([eE][+-]?\d+)?$"  # 1.234.567,8
DIGITS = r"(?:\d[\d.,'\u00a0 ]*)?\d"
MARK = "[$€£¥%]"
UNIT = r"\p{L}{1,10}|°[CF]?"
MARKED = rf"^[+-]?[$€£¥]\s?[+-]?{DIGITS}$|^[+-]?{DIGITS}\s?{MARK}$"
MEASURED = rf"^[+-]?{DIGITS}\s?({UNIT})$"
NO_MARK = " "
LOOKED_AT = 100


def write_plainly(frame: pl.DataFrame, *, is_comma_decimal: bool) -> pl.DataFrame:
    """Write numbers the plain way in columns of texts of which all are numbers with the same mark.

    A percent stays the number that is written. `is_comma_decimal` says that 1,234 has a decimal comma.

    >>> frame = pl.DataFrame({"price": ["$1,234.50", "$8"], "share": ["12.5%", None]})
    >>> write_plainly(frame, is_comma_decimal=False).rows()
    [('1234.50', '12.5'), ('8', None)]
    """
    return _without_commas(_without_marks(frame), is_comma_decimal=is_comma_decimal)


def bare_numbers(texts: pl.Series) -> pl.Series:
    """Give the number in each text, without the currency, percent or unit that most have; else null.

    >>> bare_numbers(pl.Series(["12 kg", "1,250 kg", "3 lb"])).to_list()
    [12.0, 1250.0, None]
    """
    said = pl.col("said")
    is_marked = said.str.contains(f"{MARKED}|{MEASURED}")
    mark = pl.when(is_marked).then(said.str.extract(f"({MARK}|{UNIT})"))
    frame = texts.alias("said").str.strip_chars().to_frame().with_columns(mark.alias("mark"))
    marks = frame["mark"].drop_nulls()
    common = marks.mode().sort().first()
    if common is None or (marks == common).sum() <= len(texts) / 2:
        common = NO_MARK
    is_number = (pl.col("mark") == pl.lit(common)) | said.str.contains(GROUPED)
    plain = said.str.replace(rf"\s?({MARK}|{UNIT})\s?", "").str.replace_all(r"[,'\u00a0 ]", "")
    number = pl.when(is_number).then(plain.cast(pl.Float64, strict=False))
    return frame.select(pl.coalesce(said.cast(pl.Float64, strict=False), number)).to_series()


def _without_marks(frame: pl.DataFrame) -> pl.DataFrame:
    """Take off a currency or percent that every value of a column has."""
    changed = []
    for name in _all_match(frame.head(LOOKED_AT), MARKED):
        given = frame[name].drop_nulls()
        is_marked = len(given) and given.str.contains(MARKED).all()
        if is_marked and given.str.extract(f"({MARK})").n_unique() == 1:
            changed.append(pl.col(name).str.replace(rf"\s?{MARK}\s?", ""))
    return frame.with_columns(changed)


def _without_commas(frame: pl.DataFrame, *, is_comma_decimal: bool) -> pl.DataFrame:
    commas = frame.select(pl.all().str.contains(",", literal=True).any()).row(0) if frame.width else ()
    with_comma = frame.select(
        name for name, has_comma in zip(frame.columns, commas, strict=True) if has_comma
    )
    grouped = set() if is_comma_decimal else set(_all_match(with_comma, GROUPED))
    changed = [pl.col(name).str.replace_all(",", "", literal=True) for name in grouped]
    for name in _all_match(with_comma, DECIMAL_COMMA):
        if name not in grouped:
            whole = pl.col(name).str.replace_all(r"[. \u00a0']", "")
            changed.append(whole.str.replace(",", ".", literal=True))
    return frame.with_columns(changed)


def _all_match(frame: pl.DataFrame, pattern: str) -> list[str]:
    if not frame.width:
        return []
    found = frame.select(pl.all().str.contains(pattern).all()).row(0)
    return [name for name, does_match in zip(frame.columns, found, strict=True) if does_match]

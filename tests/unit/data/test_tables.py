from __future__ import annotations

import polars as pl
import pytest

from mlwright.data import read_table, same_kind
from mlwright.errors import UsageError

FRAME = pl.DataFrame({"x": [1, None], "s": ["a", "b"]})


class Stream:
    """A table that only Arrow's own interface tells of."""

    def __init__(self, table: pl.DataFrame | pl.Series) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


@pytest.mark.promise("sdk.frames")
@pytest.mark.parametrize("table", [FRAME, FRAME.lazy(), Stream(FRAME)], ids=["frame", "lazy", "stream"])
def test_tables_become_polars_frames_and_give_one_back(table: object) -> None:
    assert read_table(table).equals(FRAME)
    assert same_kind(FRAME, table) is FRAME


@pytest.mark.parametrize("table", [5, [1], {"x": 1}, Stream(FRAME["x"])])
def test_what_is_no_table_is_refused(table: object) -> None:
    with pytest.raises(UsageError, match="is no table") as caught:
        read_table(table)
    assert "pandas" in caught.value.hint

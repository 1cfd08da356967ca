from __future__ import annotations

import numpy as np
import polars as pl

from mlwright.data import labels_known_at
from mlwright.lifecycle.table_steps import stack_served
from mlwright.project import DataConfig


def test_served_rows_weigh_one_beside_rows_with_weights_of_their_own() -> None:
    frame = pl.DataFrame({"a": [1, 2], "w": [3, 4], "y": [0, 1]})
    served = pl.DataFrame({"a": [5.0], "w": [None], "y": [1]}, schema_overrides={"w": pl.Float64})
    stacked = stack_served(frame, served, weight="w")
    assert stacked["a"].to_list() == [1, 2, 5]
    known = labels_known_at(stacked, np.array([0.0, 1.0, 1.0]), DataConfig(weight="w"), None)
    assert known.weight.tolist() == [3.0, 4.0, 1.0]

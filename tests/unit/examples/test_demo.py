"""What the fraud story is told with: its metric, its edits of the settings, what it sees of the loop."""

from __future__ import annotations

import itertools
import sys
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "fraud"))

from chart import render
from performance import Period, average_precision
from product import set_in_section
from report import Moment, Report
from simulate import START
from terminal import sparkline
from traffic import label_events, write_bodies
from watch import Sight, compare

TOML = """\
# comment
[data]
source = "a.parquet"
split = { by = "ts", test_share = 0.2 }  # assumed

[serving]
port = 8080
"""


def test_average_precision_agrees_with_scikit_learn_ties_included() -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(5)
    for _ in range(20):
        fraud = rng.random(300) < 0.1
        score = np.round(rng.random(300) + 0.3 * fraud, 1)
        assert average_precision(fraud, score) == pytest.approx(average_precision_score(fraud, score))


def test_settings_are_replaced_added_and_given_a_section() -> None:
    edited = set_in_section(TOML, "data", {"split": '{ by = "ts", test_days = 7 }', "positive": "1"})
    edited = set_in_section(edited, "triggers.quality", {"on": '"alert"'})
    assert tomllib.loads(edited) == {
        "data": {"source": "a.parquet", "split": {"by": "ts", "test_days": 7}, "positive": 1},
        "serving": {"port": 8080},
        "triggers": {"quality": {"on": "alert"}},
    }
    assert edited.startswith("# comment\n")


def test_labels_are_sent_when_they_arrive_and_honest_purchases_when_they_mature() -> None:
    moments = pl.Series([1, 2, 3]).cast(pl.Duration("us")) + START
    live = pl.DataFrame({"transaction_id": [7, 8, 9], "ts": moments})
    labels = pl.DataFrame({"transaction_id": [8], "arrived": [START.replace(day=9)]})
    due, place, label = label_events(live, labels, np.array([0.0, 0.0, 1.0]))
    assert place.tolist() == [1, 0, 2]
    assert label.tolist() == [1, 0, 0]
    assert due.tolist() == [6.0, 28.0, 29.0]


def test_a_request_names_its_unit_and_sends_missing_values_as_null() -> None:
    frame = pl.DataFrame({"customer_id": ["c1"], "ts": [START], "amount": [1.5], "distance_km": [None]})
    assert write_bodies(frame) == [
        b'{"rows":[{"customer_id":"c1","ts":"2025-03-03T00:00:00","amount":1.5,"distance_km":null}],"unit":"c1"}'
    ]


def test_what_the_loop_does_is_seen_as_changes_of_the_status() -> None:
    quiet = Sight(champion="fraud@1", shares={"fraud@1": 1.0})
    training = Sight("fraud@1", {"fraud@1": 1.0}, {3: "quality: bad"}, {"r": ("running", "trigger", "?")})
    trial = Sight("fraud@1", {}, {3: "quality: bad"}, {"r": ("done", "trigger", "ok")}, (1, 0.1, "fraud@2"))
    wider = Sight("fraud@1", {}, {3: "quality: bad"}, {"r": ("done", "trigger", "ok")}, (1, 0.5, "fraud@2"))
    after = Sight("fraud@2", {}, {}, {"r": ("done", "trigger", "ok")})
    seen = [quiet, training, trial, wider, after]
    kinds = [[piece.kind for piece in compare(*pair)] for pair in itertools.pairwise(seen)]
    assert kinds == [["alert", "run"], ["run-end", "canary"], ["ramp"], ["champion"]]
    assert [piece.kind for piece in compare(trial, quiet)] == ["ended"]


def test_the_report_is_one_file_that_loads_nothing() -> None:
    period = Period(60, 72, 30, 0.8, 0.7)
    unknown = Period(72, 75, 0, float("nan"), float("nan"))
    report = Report(
        seed=7,
        rows=10,
        before=period,
        worst=period,
        after=period,
        requests=10,
        refused_by_contract=1,
        labels_sent=3,
        failures=0,
        requests_during_rollback=4,
        failures_during_rollback=0,
        quarantined="",
        seconds=1.0,
        steps_seconds={},
        moments=[Moment(70.0, "alert", "rate < 5 & more")],
        daily=[period, unknown],
    )
    page = render(report)
    assert "rate &lt; 5 &amp; more" in page
    assert "<script" not in page
    assert "http" not in page
    assert "nan" not in page
    assert report.succeeded


def test_a_sparkline_leaves_unknown_days_blank() -> None:
    assert sparkline([0.0, 0.5, 1.0, float("nan")]) == "▁▅█ "

"""The fraud simulator: the same bytes for a seed, every scheme, late labels, and no look into the future."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "fraud"))

import simulate as simulator
from chargebacks import MATURITY_DAYS
from features import make_features
from incidents import KINDS, SCHEMA
from schemes import FRESH, SCHEMES, TAKEOVER_ADAPTED

REQUEST = simulator.Request(rows=40_000, days=40, seed=3, train_days=18, new_scheme_day=24, adaptation_day=32)


@pytest.fixture(scope="module")
def market() -> simulator.Market:
    return simulator.simulate(REQUEST)


def days_of(moments: pl.Series) -> np.ndarray:
    return (moments - simulator.START).dt.total_seconds().to_numpy() / 86_400


@pytest.mark.promise("fraud.simulator")
def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    small = replace(REQUEST, rows=3_000, incidents=KINDS)
    digests = []
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        simulator.write(simulator.simulate(replace(small, seed=seed)), tmp_path / name)
        files = sorted((tmp_path / name).iterdir())
        digests.append([(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files])
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_rows_and_fraud_are_as_many_as_asked_for(market: simulator.Market) -> None:
    assert market.transactions.height == REQUEST.rows
    assert market.transactions["ts"].is_sorted()
    days = days_of(market.transactions["ts"])
    assert days.min() >= 0
    assert days.max() < REQUEST.days
    assert 0.005 < market.truth["is_fraud"].mean() < 0.025


@pytest.mark.promise("fraud.simulator")
def test_every_scheme_happens(market: simulator.Market) -> None:
    assert set(market.truth["scheme"].unique()) == {"", *SCHEMES}


def test_the_new_scheme_starts_mid_way_and_the_old_one_adapts_later(market: simulator.Market) -> None:
    dated = market.truth.join(market.transactions.select("transaction_id", "ts"), on="transaction_id")
    for scheme, day in ((FRESH, REQUEST.new_scheme_day), (TAKEOVER_ADAPTED, REQUEST.adaptation_day)):
        days = days_of(dated.filter(pl.col("scheme") == scheme)["ts"])
        assert day <= days.min() < day + 6
    fresh = market.transactions.join(market.truth.filter(pl.col("scheme") == FRESH), on="transaction_id")
    assert fresh["amount"].max() < 15
    assert set(fresh["channel"].unique()) == {"online"}


@pytest.mark.promise("fraud.simulator")
def test_labels_arrive_late_and_only_for_fraud(market: simulator.Market) -> None:
    joined = market.labels.join(market.truth, on="transaction_id").join(
        market.transactions.select("transaction_id", "ts"), on="transaction_id"
    )
    assert joined["is_fraud"].min() == 1
    assert market.labels.height < market.truth["is_fraud"].sum()
    delay = (joined["arrived"] - joined["ts"]).dt.total_seconds().to_numpy() / 86_400
    assert delay.min() > 0.5
    assert 3 < np.median(delay) < 9
    assert np.percentile(delay, 95) > 12
    assert delay.max() < MATURITY_DAYS


def test_the_training_table_knows_only_labels_that_had_arrived(market: simulator.Market) -> None:
    days = days_of(market.training["ts"])
    assert days.max() < REQUEST.train_days
    frauds = market.training.filter(pl.col("is_fraud") == 1).join(market.labels, on="transaction_id")
    assert frauds.height == market.training["is_fraud"].sum()
    assert days_of(frauds["arrived"]).max() < REQUEST.train_days
    true = market.training.join(market.truth, on="transaction_id")["is_fraud_right"].sum()
    assert frauds.height < true


@pytest.mark.promise("fraud.no-future")
def test_features_never_use_the_future() -> None:
    streams = [np.random.default_rng(seed) for seed in np.random.SeedSequence(9).spawn(4)]
    population, purchases = simulator.trade(*streams[:3], REQUEST)
    arrival = simulator.report_fraud(streams[3], purchases.day, purchases.scheme)
    whole = make_features(purchases, arrival, population)
    for cut in (7.5, 20.0, 29.25):
        past = np.flatnonzero(purchases.day < cut)
        known = np.where(arrival[past] < cut, arrival[past], np.nan)
        alone = make_features(purchases.take(past), known, population)
        assert alone.equals(whole[past])


def test_features_change_when_the_past_does() -> None:
    streams = [np.random.default_rng(seed) for seed in np.random.SeedSequence(9).spawn(4)]
    population, purchases = simulator.trade(*streams[:3], REQUEST)
    arrival = simulator.report_fraud(streams[3], purchases.day, purchases.scheme)
    whole = make_features(purchases, arrival, population)
    unreported = make_features(purchases, np.full(len(arrival), np.nan), population)
    changed = [name for name in whole.columns if not whole[name].equals(unreported[name])]
    assert changed == ["merchant_risk"]


def test_incidents_change_their_days_and_no_others(market: simulator.Market) -> None:
    hurt = simulator.simulate(replace(REQUEST, incidents=KINDS, train_days=10))
    incidents = {str(e["name"]): e["day"] for e in hurt.events if e["kind"] == "incident"}
    assert set(incidents) == set(KINDS)
    day = pl.Series(days_of(market.transactions["ts"])).floor().cast(pl.Int64)
    ordinary = market.transactions.filter(~day.is_in(list(incidents.values())))
    delivered = pl.Series(days_of(hurt.transactions["ts"])).floor().cast(pl.Int64)
    same = hurt.transactions.filter(~delivered.is_in(list(incidents.values())))
    assert same.equals(ordinary)
    assert not (delivered == incidents["missing"]).any()
    assert list(hurt.apart) == [f"transactions.day-{incidents[SCHEMA]:03d}.parquet"]

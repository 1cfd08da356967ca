"""Simulate a card market with fraud in it: transactions with features, late labels, the truth, and events.

    python simulate.py --rows 300000 --days 120 --seed 7 --out data/ [--incidents [KIND …]]

The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from chargebacks import MATURITY_DAYS, report_fraud
from features import make_features
from incidents import KINDS, damage
from population import Floats, Population, make_population
from schemes import FRESH, TAKEOVER_ADAPTED, Calendar, commit_fraud, dispute
from spending import Purchases, join, make_purchases

START = datetime(2025, 3, 3)  # noqa: DTZ001  # a Monday; the tables hold UTC without a zone
WARM_UP_DAYS = 30
ROWS_PER_CUSTOMER_DAY = 0.45
LABEL = "is_fraud"


@dataclass(frozen=True)
class Request:
    """What to simulate. Days are counted from 0; `train_days` is the history with labels known at its end."""

    rows: int = 300_000
    days: int = 120
    seed: int = 7
    train_days: int = 60
    new_scheme_day: int = 72
    adaptation_day: int = 108
    incidents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Market:
    """Everything simulated. `transactions` is what was delivered, `truth` what nobody knows at the time."""

    transactions: pl.DataFrame
    labels: pl.DataFrame
    truth: pl.DataFrame
    training: pl.DataFrame
    events: list[dict[str, object]]
    apart: dict[str, pl.DataFrame]


def simulate(request: Request) -> Market:
    """Simulate a market from a seed."""
    streams = [np.random.default_rng(seed) for seed in np.random.SeedSequence(request.seed).spawn(5)]
    population, purchases = trade(streams[0], streams[1], streams[2], request)
    arrival = report_fraud(streams[3], purchases.day, purchases.scheme)
    features = make_features(purchases, arrival, population)
    inside = np.flatnonzero(purchases.day >= 0)
    purchases, arrival, features = purchases.take(inside), arrival[inside], features[inside]
    identity = _identify(purchases)
    transactions = pl.concat([identity, features], how="horizontal")
    delivered = damage(
        streams[4],
        transactions,
        request.incidents,
        first_day=request.train_days,
        last_day=request.new_scheme_day,
    )
    labels = _labels(identity, arrival)
    truth = identity.select(
        "transaction_id",
        pl.Series(LABEL, purchases.scheme != "").cast(pl.Int64),
        pl.Series("scheme", purchases.scheme),
    )
    return Market(
        transactions=delivered.frame,
        labels=labels,
        truth=truth,
        training=known_at(delivered.frame, labels, START + timedelta(days=request.train_days)),
        events=[*_events(request), *delivered.events],
        apart=delivered.apart,
    )


def known_at(transactions: pl.DataFrame, labels: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Give the transactions before a moment with the labels that had arrived; without one, 0."""
    arrived = labels.filter(pl.col("arrived") < moment).select("transaction_id", pl.lit(1).alias(LABEL))
    past = transactions.filter(pl.col("ts") < moment)
    joined = past.join(arrived, on="transaction_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col(LABEL).fill_null(0).cast(pl.Int64))


def write(market: Market, folder: Path) -> None:
    """Write the tables and the events."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "transactions.parquet": market.transactions,
        "labels.parquet": market.labels,
        "truth.parquet": market.truth,
        "training.parquet": market.training,
        **market.apart,
    }
    for name, table in tables.items():
        table.write_parquet(folder / name, compression="zstd", compression_level=1)
    (folder / "events.json").write_text(json.dumps(market.events, indent=1) + "\n", encoding="utf-8")


def trade(
    of_people: np.random.Generator,
    of_honest: np.random.Generator,
    of_fraud: np.random.Generator,
    request: Request,
) -> tuple[Population, Purchases]:
    """Draw all purchases, warm-up included, ordered by time, exactly `rows` of them from day 0 on."""
    per_day = request.rows / request.days
    customers = max(round(per_day / ROWS_PER_CUSTOMER_DAY), 50)
    population = make_population(of_people, customers=customers, days=request.days, warm_up=WARM_UP_DAYS)
    calendar = Calendar(-WARM_UP_DAYS, request.days, request.new_scheme_day, request.adaptation_day)
    fraud = commit_fraud(of_fraud, population, calendar, per_day=per_day)
    stolen = _on_the_second(fraud.purchases)
    population = Population(population.customers, fraud.merchants, population.city_xy, population.city_size)
    wanted = request.rows - int((stolen.day >= 0).sum())
    before = make_purchases(
        of_honest, population, rows=round(per_day * WARM_UP_DAYS), first_day=-WARM_UP_DAYS, last_day=0
    )
    after = make_purchases(of_honest, population, rows=wanted, first_day=0, last_day=request.days)
    honest = _on_the_second(join([before, after]))
    honest = dispute(of_fraud, honest, fraud.merchants, count=fraud.friendly)
    everything = join([honest, stolen])
    return population, everything.take(np.lexsort((everything.customer, everything.day)))


def _on_the_second(purchases: Purchases) -> Purchases:
    day = np.floor(purchases.day * 86_400) / 86_400
    return Purchases(
        day, purchases.customer, purchases.merchant, purchases.amount, purchases.device, purchases.scheme
    )


def _identify(purchases: Purchases) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "transaction_id": np.arange(1, len(purchases) + 1),
            "customer_id": purchases.customer,
            "merchant_id": purchases.merchant,
        }
    ).select(
        "transaction_id",
        _moments(purchases.day).alias("ts"),
        pl.format("c{}", pl.col("customer_id").cast(pl.String).str.zfill(6)).alias("customer_id"),
        pl.format("m{}", pl.col("merchant_id").cast(pl.String).str.zfill(5)).alias("merchant_id"),
    )


def _labels(identity: pl.DataFrame, arrival: Floats) -> pl.DataFrame:
    known = np.flatnonzero(np.isfinite(arrival))
    table = identity[known].select(
        "transaction_id", pl.lit(1, pl.Int64).alias("label"), _moments(arrival[known]).alias("arrived")
    )
    return table.sort("arrived", "transaction_id")


def _moments(day: Floats) -> pl.Series:
    """Turn days since the start into UTC times on the second."""
    begin = round(START.replace(tzinfo=UTC).timestamp())
    seconds = begin + np.round(day * 86_400).astype(np.int64)
    return pl.Series(seconds * 1_000_000).cast(pl.Datetime("us"))


def _events(request: Request) -> list[dict[str, object]]:
    days = [
        ("training ends", request.train_days, "labels known at this moment are in training.parquet"),
        (FRESH, request.new_scheme_day, "a new scheme starts"),
        (TAKEOVER_ADAPTED, request.adaptation_day, "an old scheme changes its ways"),
        ("maturity", round(MATURITY_DAYS), "days after which no label can arrive any more"),
    ]
    return [{"kind": "event", "name": name, "day": day, "text": text} for name, day, text in days]


def _parse() -> tuple[Request, Path]:
    defaults = Request()
    parser = argparse.ArgumentParser(description="Simulate card transactions with fraud.")
    parser.add_argument("--rows", type=int, default=defaults.rows)
    parser.add_argument("--days", type=int, default=defaults.days)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--train-days", type=int, help="history with labels; half of the days")
    parser.add_argument("--new-scheme-day", type=int, help="three fifths of the days")
    parser.add_argument("--adaptation-day", type=int, help="nine tenths of the days")
    parser.add_argument(
        "--incidents", nargs="*", choices=KINDS, metavar="KIND", help=f"all, or: {', '.join(KINDS)}"
    )
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    incidents = () if given.incidents is None else tuple(given.incidents) or KINDS
    request = Request(
        rows=given.rows,
        days=given.days,
        seed=given.seed,
        train_days=given.train_days or round(given.days * 0.5),
        new_scheme_day=given.new_scheme_day or round(given.days * 0.6),
        adaptation_day=given.adaptation_day or round(given.days * 0.9),
        incidents=incidents,
    )
    return request, given.out


def main() -> None:
    """Simulate and write."""
    request, folder = _parse()
    market = simulate(request)
    write(market, folder)
    frauds = int(market.truth[LABEL].sum())
    print(
        f"{market.transactions.height} transactions over {request.days} days in {folder},"
        f" {frauds} of them fraud ({frauds / request.rows:.2%}), {market.labels.height} chargebacks"
    )


if __name__ == "__main__":
    main()

"""What goes wrong with data on its way: days that arrive in wrong units, with holes, twice, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

Change = Callable[[np.random.Generator, pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Incident:
    """One kind of damage: its name, what happened, and the change to the rows of the day."""

    kind: str
    text: str
    change: Change


@dataclass(frozen=True)
class Delivery:
    """The damaged table, the days, and days that came in another shape and so in a file of their own."""

    frame: pl.DataFrame
    events: list[dict[str, object]]
    apart: dict[str, pl.DataFrame]


def _corrupt(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    return _blank(rng, _units(rng, rows), ("merchant_risk", "merchant_seen_30d"), 0.25)


def _units(_: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("amount", "sum_1h", "sum_1d") * 100)


def _null_burst(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    return _blank(rng, rows, ("distance_km", "amount_ratio", "gap_hours"), 0.4)


def _recode(_: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("channel").replace({"online": "ECOM", "shop": "POS"}))


def _unseen(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    hit = pl.Series(rng.random(rows.height) < 0.3)
    return rows.with_columns(
        pl.when(hit).then(pl.lit("misc")).otherwise(pl.col("category")).alias("category")
    )


def _stick(_: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(
        pl.lit(1, pl.Int64).alias("merchant_seen_30d"), pl.lit(0.008).alias("merchant_risk")
    )


def _drop_day(_: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.clear()


def _double(_: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, rows])


def _reshape(_: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    text = pl.format("{} EUR", pl.col("amount")).alias("amount")
    return rows.with_columns(text).rename({"channel": "entry_mode"}).drop("cents")


SCHEMA = "schema"
INCIDENTS = (
    Incident("corrupted", "amounts in cents, a quarter of the merchant history lost", _corrupt),
    Incident("nulls", "two fifths of distance, ratio and gap lost", _null_burst),
    Incident("recoded", "another coding of the channel", _recode),
    Incident("unseen", "a category nobody knew", _unseen),
    Incident("stuck", "the merchant history shows the same value for everyone", _stick),
    Incident("units", "amounts in cents", _units),
    Incident("missing", "the day never arrives", _drop_day),
    Incident("doubled", "every row arrives twice", _double),
    Incident(
        SCHEMA, "a column renamed, one gone, one turned to text; the day comes in a file of its own", _reshape
    ),
)
KINDS = tuple(incident.kind for incident in INCIDENTS)


def damage(
    rng: np.random.Generator, frame: pl.DataFrame, kinds: tuple[str, ...], *, first_day: int, last_day: int
) -> Delivery:
    """Spread incidents evenly over the days from `first_day` to `last_day`, in the order of `KINDS`."""
    chosen = [incident for incident in INCIDENTS if incident.kind in kinds]
    step = (last_day - first_day) / max(len(chosen), 1)
    start = frame["ts"].dt.truncate("1d").min()
    number = frame.select(((pl.col("ts") - start).dt.total_days()).alias("day"))["day"]
    parts, events, apart = [frame.filter(~number.is_in(_days(chosen, first_day, step)))], [], {}
    for at, incident in enumerate(chosen):
        day = _days(chosen, first_day, step)[at]
        rows = frame.filter(number == day)
        changed = incident.change(rng, rows)
        facts = {
            "kind": "incident",
            "name": incident.kind,
            "day": day,
            "text": incident.text,
            "rows": rows.height,
        }
        events.append(facts)
        if incident.kind == SCHEMA:
            apart[f"transactions.day-{day:03d}.parquet"] = changed
        else:
            parts.append(changed.cast(frame.schema))
    return Delivery(pl.concat(parts).sort("ts", "transaction_id", maintain_order=True), events, apart)


def _days(chosen: list[Incident], first_day: int, step: float) -> list[int]:
    return [first_day + int(step * (at + 0.5)) for at in range(len(chosen))]


def _blank(
    rng: np.random.Generator, rows: pl.DataFrame, columns: tuple[str, ...], share: float
) -> pl.DataFrame:
    lost = pl.Series(rng.random(rows.height) < share)
    return rows.with_columns(pl.when(~lost).then(pl.col(name)).alias(name) for name in columns)

"""What the upstream feature table knows about a purchase at the moment it is scored, and nothing later.

Every windowed column is a difference of two running sums found by binary search over (entity, time), so a
purchase sees only strictly earlier ones, and merchant risk sees only chargebacks that had arrived.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from population import CATEGORIES, ONLINE, Floats, Ints, Population
from spending import Purchases

HOUR = 1 / 24
RISK_DAYS = 21.0
SEEN_DAYS = 30.0
SPACING = 4096.0  # days between two entities on the common axis; more than any history
PRIOR_ROWS, PRIOR_RATE, HIGHEST_RISK = 40.0, 0.008, 0.1


class History:
    """Earlier entries of each entity: counts and sums over windows, in one sort."""

    def __init__(self, entity: Ints, day: Floats, value: Floats | None = None) -> None:
        axis = entity * SPACING + day
        order = np.argsort(axis, kind="stable")
        self._axis = axis[order]
        self._sums = np.concatenate(
            [[0.0], np.cumsum((np.ones(len(day)) if value is None else value)[order])]
        )

    def sum(self, entity: Ints, day: Floats, window: float | None = None) -> Floats:
        """Add up the values in [day - window, day); of all time without a window."""
        first, end = self._bounds(entity, day, window)
        return np.asarray(self._sums[end] - self._sums[first], dtype=np.float64)

    def count(self, entity: Ints, day: Floats, window: float | None = None) -> Floats:
        """Count the entries in [day - window, day)."""
        first, end = self._bounds(entity, day, window)
        return (end - first).astype(np.float64)

    def last(self, entity: Ints, day: Floats) -> Floats:
        """Give the time since the entry before, NaN for the first."""
        first, end = self._bounds(entity, day, None)
        gap = entity * SPACING + day - self._axis[np.maximum(end - 1, 0)]
        return np.where(end > first, gap, np.nan)

    def age(self, entity: Ints, day: Floats) -> Floats:
        """Give the time since the first entry, 0 when there is none before."""
        first, end = self._bounds(entity, day, None)
        since = entity * SPACING + day - self._axis[np.minimum(first, len(self._axis) - 1)]
        return np.where(end > first, since, 0.0)

    def _bounds(
        self, entity: Ints, day: Floats, window: float | None
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        here = entity * SPACING + day
        start = entity * SPACING - SPACING / 2 if window is None else here - window
        return np.searchsorted(self._axis, start), np.searchsorted(self._axis, here)


def make_features(purchases: Purchases, arrival: Floats, population: Population) -> pl.DataFrame:
    """Give one row of features per purchase, in the order given."""
    day, customer, merchant, amount = purchases.day, purchases.customer, purchases.merchant, purchases.amount
    merchants, people = population.merchants, population.customers
    is_online = merchants.city[merchant] == ONLINE
    spent = History(customer, day, np.round(amount * 100))  # whole cents add up exactly, in any order
    earlier, total = spent.count(customer, day), spent.sum(customer, day) / 100
    pair = _numbered(customer * (len(merchants) + 1) + merchant)
    sold = History(merchant, day)
    reported = np.flatnonzero(np.isfinite(arrival))
    risk = History(merchant[reported], arrival[reported])
    risky = (risk.count(merchant, day, RISK_DAYS) + PRIOR_ROWS * PRIOR_RATE) / (
        sold.count(merchant, day, RISK_DAYS) + PRIOR_ROWS
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(earlier >= 3, amount / (total / earlier), np.nan)
    names = np.array([c.name for c in CATEGORIES])
    columns: dict[str, npt.NDArray[np.generic]] = {
        "category": names[merchants.category[merchant]],
        "channel": np.where(is_online, "online", "shop"),
        "amount": np.round(amount, 2),
        "cents": np.round(amount * 100).astype(np.int64) % 100,
        "hour": np.floor(np.mod(day, 1.0) * 24).astype(np.int64),
        "count_1h": spent.count(customer, day, HOUR).astype(np.int64),
        "sum_1h": np.round(spent.sum(customer, day, HOUR) / 100, 2),
        "count_1d": spent.count(customer, day, 1.0).astype(np.int64),
        "sum_1d": np.round(spent.sum(customer, day, 1.0) / 100, 2),
        "count_7d": spent.count(customer, day, 7.0).astype(np.int64),
        "sum_7d": np.round(spent.sum(customer, day, 7.0) / 100, 2),
        "gap_hours": np.round(spent.last(customer, day) * 24, 3),
        "amount_ratio": np.round(ratio, 4),
        "new_device": _is_new_device(purchases),
        "merchant_age_days": np.round(np.minimum(sold.age(merchant, day), SEEN_DAYS), 1),
        "merchant_seen_30d": sold.count(merchant, day, SEEN_DAYS).astype(np.int64),
        "pair_seen_30d": History(pair, day).count(pair, day, SEEN_DAYS).astype(np.int64),
        "distance_km": np.round(_distance(population, customer, merchants.city[merchant]), 1),
        "account_days": np.round(day - people.joined[customer], 1),
        "merchant_risk": np.round(np.minimum(risky, HIGHEST_RISK), 5),
    }
    missing = [pl.col(name).fill_nan(None) for name in ("gap_hours", "amount_ratio", "distance_km")]
    return pl.DataFrame(columns).with_columns(missing)


def _numbered(key: Ints) -> Ints:
    """Number the distinct keys from 0, so that the common axis stays short and exact."""
    return np.unique(key, return_inverse=True)[1].astype(np.int64)


def _is_new_device(purchases: Purchases) -> npt.NDArray[np.int64]:
    """Say 1 when an online purchase comes from a device first seen with this customer within the last day."""
    online = np.flatnonzero(purchases.device >= 0)
    device = _numbered(purchases.device[online])
    key = _numbered(purchases.customer[online] * (len(device) + 1) + device)
    age = History(key, purchases.day[online]).age(key, purchases.day[online])
    found = np.zeros(len(purchases), dtype=np.int64)
    found[online] = age < 1.0
    return found


def _distance(population: Population, customer: Ints, city: Ints) -> Floats:
    """Give kilometres from home to the shop, NaN online."""
    home = population.city_xy[population.customers.home[customer]]
    shop = np.concatenate([population.city_xy, [[np.nan, np.nan]]])[city]
    return np.asarray(np.hypot(*(shop - home).T), dtype=np.float64)

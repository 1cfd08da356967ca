"""Ordinary purchases: when, who, where, how much, on which device."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from population import CATEGORIES, ONLINE, Bools, Customers, Floats, Ints, Population, pick_merchants

FAVOURITE_SHARE = 0.45
YEARLY_INFLATION = 0.06
NIGHT_HOURS = np.array([6, 6, 5, 4, 3, 2] + [0] * 16 + [3, 5], dtype=float)
DAY_HOURS = np.array(
    [0.2, 0.1, 0, 0, 0, 0.3, 1, 2.2, 3.2, 3.4, 4, 4.6, 5.6, 5, 4.4, 4.4, 5, 6, 6.4, 5.6, 4.2, 3, 1.8, 0.7]
)


@dataclass(frozen=True)
class Purchases:
    """One entry per purchase. `scheme` is the empty string for an honest one; `device` is -1 in a shop."""

    day: Floats
    customer: Ints
    merchant: Ints
    amount: Floats
    device: Ints
    scheme: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    def take(self, chosen: Ints | Bools) -> Purchases:
        """Give some of them."""
        return Purchases(*(getattr(self, field.name)[chosen] for field in fields(self)))


def join(parts: list[Purchases]) -> Purchases:
    """Put several sets of purchases together."""
    return Purchases(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Purchases))
    )


def make_purchases(
    rng: np.random.Generator, population: Population, *, rows: int, first_day: int, last_day: int
) -> Purchases:
    """Draw `rows` honest purchases between two days, the later one excluded."""
    people = population.customers
    day = _draw_days(rng, rows, first_day, last_day)
    reach = np.searchsorted(people.joined, day, side="right")
    cumulative = np.cumsum(people.rate)
    customer = np.searchsorted(cumulative, rng.random(rows) * cumulative[np.maximum(reach, 1) - 1])
    moment = day + _draw_hours(rng, people.night[customer]) / 24.0
    place = _place(people, customer, moment)
    merchant = pick_merchants(rng, population.merchants, place, people.online[customer], moment)
    at_home = place == people.home[customer]
    again = at_home & (rng.random(rows) < FAVOURITE_SHARE)
    liked = np.minimum(rng.geometric(0.35, rows) - 1, people.favourites.shape[1] - 1)
    merchant = np.where(again, people.favourites[customer, liked], merchant)
    amount = price(rng, population, merchant, people.spend[customer], moment)
    device = np.where(population.merchants.city[merchant] == ONLINE, own_device(people, customer, moment), -1)
    return Purchases(moment, customer, merchant, amount, device, np.full(rows, "", dtype="<U24"))


def price(
    rng: np.random.Generator, population: Population, merchant: Ints, spend: Floats, day: Floats
) -> Floats:
    """Draw what is paid: the merchant's level, the customer's means, inflation, and habits of pricing."""
    level = np.array([c.price for c in CATEGORIES])[population.merchants.category[merchant]]
    spread = np.array([c.spread for c in CATEGORIES])[population.merchants.category[merchant]]
    raw = level * population.merchants.price[merchant] * spend * rng.lognormal(0.0, spread)
    raw = np.clip(raw * (1 + YEARLY_INFLATION) ** (day / 365.0), 0.5, 9000.0)
    return tidy(rng, raw)


def tidy(rng: np.random.Generator, amount: Floats) -> Floats:
    """Round to prices people see: many end in .99, .00 or .50."""
    kind = rng.random(len(amount))
    whole = np.maximum(np.round(amount), 1.0)
    ended = np.select(
        [kind < 0.25, kind < 0.40, kind < 0.50], [whole - 0.01, whole, whole - 0.5], np.round(amount, 2)
    )
    return np.maximum(np.round(ended, 2), 0.5)


def own_device(people: Customers, customer: Ints, day: Floats) -> Ints:
    """Give the device a customer uses on a day: a new one about every `device_life` days."""
    age = day + people.first_device[customer] + 400.0
    number = np.floor(age / people.device_life[customer]).astype(np.int64)
    return customer * 1000 + number


def season(day: Floats) -> Floats:
    """Give how busy a day is: week (Monday is day 0), year, and the days after pay day."""
    weekday = np.array([0.93, 0.92, 0.95, 1.0, 1.17, 1.15, 0.88])[np.mod(day, 7).astype(int)]
    year = 1.0 + 0.12 * np.cos(2 * np.pi * (day + 62.0 - 350.0) / 365.0)
    pay_day = 1.0 + 0.10 * (np.mod(day, 30.4) < 3)
    return np.asarray(weekday * year * pay_day, dtype=np.float64)


def _draw_days(rng: np.random.Generator, rows: int, first_day: int, last_day: int) -> Floats:
    days = np.arange(first_day, last_day, dtype=float)
    weight = season(days) * rng.lognormal(0.0, 0.03, len(days))
    return np.asarray(rng.choice(days, size=rows, p=weight / weight.sum()), dtype=np.float64)


def _draw_hours(rng: np.random.Generator, night_share: Floats) -> Floats:
    at_night = rng.random(len(night_share)) < night_share
    hour = np.where(
        at_night,
        rng.choice(24, size=len(night_share), p=NIGHT_HOURS / NIGHT_HOURS.sum()),
        rng.choice(24, size=len(night_share), p=DAY_HOURS / DAY_HOURS.sum()),
    )
    return hour + rng.random(len(night_share))


def _place(people: Customers, customer: Ints, moment: Floats) -> Ints:
    """Give the city each customer is in: the home city, or that of a journey."""
    place = people.home[customer]
    for trip in range(people.trip_start.shape[1]):
        away = (people.trip_start[customer, trip] <= moment) & (moment < people.trip_end[customer, trip])
        place = np.where(away, people.trip_city[customer, trip], place)
    return place

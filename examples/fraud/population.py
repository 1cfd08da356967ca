"""Who buys and who sells: customers and merchants with the habits that make ordinary spending uneven."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CITIES = 24
ONLINE = CITIES  # the "city" of merchants without a shop
MAP_KM = 700.0


@dataclass(frozen=True)
class Category:
    """A kind of merchant: typical price, spread of prices, online share, share of all purchases."""

    name: str
    price: float
    spread: float
    online: float
    share: float


CATEGORIES = (
    Category("grocery", 32.0, 0.65, 0.08, 0.29),
    Category("restaurant", 27.0, 0.55, 0.05, 0.15),
    Category("fuel", 48.0, 0.35, 0.00, 0.09),
    Category("transport", 11.0, 0.80, 0.45, 0.09),
    Category("pharmacy", 19.0, 0.65, 0.10, 0.06),
    Category("clothing", 55.0, 0.70, 0.45, 0.07),
    Category("electronics", 140.0, 0.90, 0.60, 0.04),
    Category("home", 60.0, 0.85, 0.30, 0.05),
    Category("digital", 10.0, 0.60, 1.00, 0.10),
    Category("gift cards", 50.0, 0.50, 0.75, 0.015),
    Category("travel", 210.0, 0.80, 0.85, 0.02),
    Category("leisure", 30.0, 0.75, 0.35, 0.025),
)


@dataclass(frozen=True)
class Customers:
    """One entry per customer, ordered by the day of joining; days of the warm-up are negative."""

    home: Ints
    rate: Floats  # purchases a day
    spend: Floats  # factor on every price
    online: Floats  # leaning to buy online, as a factor on the category's share
    night: Floats  # share of purchases made at night
    joined: Floats  # day
    device_life: Floats  # mean days between two devices
    first_device: Floats  # age of the device at day 0, days
    favourites: Ints  # [customers, 8] merchants they return to
    trip_start: Floats  # [customers, 3] days
    trip_end: Floats
    trip_city: Ints

    def __len__(self) -> int:
        return len(self.home)


@dataclass(frozen=True)
class Merchants:
    """One entry per merchant, ordered by (city, category) so that a group is one slice."""

    city: Ints
    category: Ints
    price: Floats  # factor on the category's price
    weight: Floats  # popularity
    opened: Floats  # day
    group_start: Ints  # [CITIES + 1, categories] first merchant of the group
    group_end: Ints

    def __len__(self) -> int:
        return len(self.city)


@dataclass(frozen=True)
class Population:
    """Customers, merchants and where the cities lie (km)."""

    customers: Customers
    merchants: Merchants
    city_xy: Floats
    city_size: Floats


def make_population(rng: np.random.Generator, *, customers: int, days: int, warm_up: int) -> Population:
    """Draw a population that lives through `warm_up` days before day 0 and `days` after it."""
    city_xy = rng.uniform(0.0, MAP_KM, size=(CITIES, 2))
    city_size = np.arange(1, CITIES + 1).astype(np.float64) ** -0.8
    city_size = np.asarray(city_size / city_size.sum(), dtype=np.float64)
    merchants = _make_merchants(rng, customers, days, city_size)
    people = _make_customers(rng, customers, days, warm_up, city_size)
    drawn = pick_merchants(
        rng,
        merchants,
        np.repeat(people.home, people.favourites.shape[1]),
        np.repeat(people.online, people.favourites.shape[1]),
        np.full(people.favourites.size, -float(warm_up)),
    )
    favourites = drawn.reshape(people.favourites.shape)
    return Population(replace(people, favourites=favourites), merchants, city_xy, city_size)


def pick_merchants(
    rng: np.random.Generator, merchants: Merchants, city: Ints, online_leaning: Floats, day: Floats
) -> Ints:
    """Choose a merchant for each purchase: category by share, online or in the city, popular ones more often.

    A merchant that has not opened yet is drawn again; after four draws the group's oldest one is taken.
    """
    shares = np.array([c.share for c in CATEGORIES])
    online_share = np.array([c.online for c in CATEGORIES])
    category = rng.choice(len(CATEGORIES), size=len(city), p=shares / shares.sum())
    is_online = rng.random(len(city)) < np.clip(online_share[category] * online_leaning, 0.0, 1.0)
    is_online |= online_share[category] >= 1.0
    place = np.where(is_online, ONLINE, city)
    start, end = merchants.group_start[place, category], merchants.group_end[place, category]
    cumulative = np.concatenate([[0.0], np.cumsum(merchants.weight)])
    chosen = np.full(len(city), -1)
    for _ in range(4):
        left = np.flatnonzero(chosen < 0)
        if not len(left):
            break
        low, high = cumulative[start[left]], cumulative[end[left]]
        at = np.searchsorted(cumulative, low + (high - low) * rng.random(len(left)), side="right") - 1
        at = np.clip(at, start[left], end[left] - 1)
        chosen[left] = np.where(merchants.opened[at] <= day[left], at, -1)
    return np.where(chosen < 0, start, chosen).astype(np.int64)


def _make_customers(
    rng: np.random.Generator, count: int, days: int, warm_up: int, city_size: Floats
) -> Customers:
    newcomers = max(1, round(0.0007 * count * (days + warm_up)))
    joined = np.concatenate(
        [-warm_up - rng.exponential(500.0, count - newcomers), rng.uniform(-warm_up, days, newcomers)]
    )
    trips = np.sort(rng.uniform(-warm_up - 20, days, size=(count, 3)), axis=1)
    lengths = rng.gamma(2.0, 3.0, size=(count, 3)) * (rng.random((count, 3)) < 0.45)
    return Customers(
        home=rng.choice(CITIES, size=count, p=city_size),
        rate=rng.gamma(1.6, 1.0, count) + 0.05,
        spend=rng.lognormal(0.0, 0.45, count),
        online=rng.lognormal(0.0, 0.5, count),
        night=rng.beta(1.2, 12.0, count),
        joined=np.sort(joined),
        device_life=rng.gamma(3.0, 70.0, count) + 20.0,
        first_device=rng.exponential(200.0, count),
        favourites=np.zeros((count, 8), dtype=np.int64),
        trip_start=trips,
        trip_end=trips + lengths,
        trip_city=rng.choice(CITIES, size=(count, 3), p=city_size),
    )


def _make_merchants(rng: np.random.Generator, customers: int, days: int, city_size: Floats) -> Merchants:
    """Every group has at least two merchants that were always open; about 15 % open later."""
    per_group = np.zeros((CITIES + 1, len(CATEGORIES)), dtype=np.int64)
    for at, category in enumerate(CATEGORIES):
        total = customers * 0.28 * category.share
        per_group[:CITIES, at] = 2 + rng.poisson(total * (1 - category.online) * city_size)
        per_group[ONLINE, at] = 2 + rng.poisson(total * category.online)
    flat = per_group.reshape(-1)
    end = np.cumsum(flat)
    start = end - flat
    city = np.repeat(np.repeat(np.arange(CITIES + 1), len(CATEGORIES)), flat)
    category_of = np.repeat(np.tile(np.arange(len(CATEGORIES)), CITIES + 1), flat)
    count = len(city)
    opened = np.where(rng.random(count) < 0.15, rng.uniform(-20.0, days, count), -1e4)
    opened[start] = opened[start + 1] = -1e4
    return Merchants(
        city=city,
        category=category_of,
        price=rng.lognormal(0.0, 0.3, count),
        weight=rng.pareto(1.3, count) + 0.05,
        opened=opened,
        group_start=start.reshape(per_group.shape),
        group_end=end.reshape(per_group.shape),
    )

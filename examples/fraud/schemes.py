"""How fraud happens: six schemes, one of which starts mid-way and one of which adapts later.

Every scheme is a function from a number of purchases to purchases, so that its share is set in one place.
Four of them exist from the beginning; `fresh merchants` starts on a stated day, and `account takeover`
changes its ways on another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from population import CATEGORIES, ONLINE, Customers, Floats, Ints, Merchants, Population
from spending import Purchases, join, own_device, tidy

CARD_TEST = "card test"
COMPROMISED = "compromised merchant"
TAKEOVER = "account takeover"
TAKEOVER_ADAPTED = "account takeover adapted"
FRIENDLY = "friendly fraud"
FRESH = "fresh merchants"
SCHEMES = (CARD_TEST, COMPROMISED, TAKEOVER, TAKEOVER_ADAPTED, FRIENDLY, FRESH)

STRANGE_DEVICE = 10**9  # devices of thieves are numbered from here
OLD_SHARES = {CARD_TEST: 0.36, COMPROMISED: 0.26, TAKEOVER: 0.30, FRIENDLY: 0.08}
BASE_RATE = 0.0078  # of all purchases, before the new scheme
FRESH_RATE = 0.0085  # of all purchases, once it runs
RAMP_DAYS = 3.0
FRESH_LIFE_DAYS = 6.0
CHARGES_PER_FRESH = 32


@dataclass(frozen=True)
class Calendar:
    """When things happen, in days."""

    first_day: int  # of the warm-up, negative
    last_day: int  # excluded
    new_scheme: float
    adaptation: float


@dataclass(frozen=True)
class Fraud:
    """Fraudulent purchases, the merchants they needed, and how many honest ones will be disputed."""

    purchases: Purchases
    merchants: Merchants
    friendly: int


def commit_fraud(
    rng: np.random.Generator, population: Population, calendar: Calendar, *, per_day: float
) -> Fraud:
    """Draw all fraud for a market of `per_day` purchases a day."""
    days = calendar.last_day - calendar.first_day
    count = {name: round(share * BASE_RATE * per_day * days) for name, share in OLD_SHARES.items()}
    fresh_days = max(calendar.last_day - calendar.new_scheme - RAMP_DAYS / 2, 0.0)
    merchants, fresh = _fresh_merchants(
        rng, population, calendar, charges=round(FRESH_RATE * per_day * fresh_days)
    )
    parts = [
        _card_test(rng, population, calendar, count[CARD_TEST]),
        _compromised(rng, population, calendar, count[COMPROMISED]),
        _takeover(rng, population, calendar, count[TAKEOVER]),
        fresh,
    ]
    found = join(parts)
    inside = (found.day >= calendar.first_day) & (found.day < calendar.last_day)
    return Fraud(found.take(inside), merchants, count[FRIENDLY])


def dispute(rng: np.random.Generator, purchases: Purchases, merchants: Merchants, *, count: int) -> Purchases:
    """Mark honest purchases whose buyers will deny them: online, dear, digital goods most."""
    digital = [c.name in {"digital", "electronics", "clothing"} for c in CATEGORIES]
    weight = np.sqrt(purchases.amount) * np.where(merchants.city[purchases.merchant] == ONLINE, 6.0, 1.0)
    weight *= np.where(np.array(digital)[merchants.category[purchases.merchant]], 2.0, 1.0)
    chosen = rng.choice(len(purchases), size=count, replace=False, p=weight / weight.sum())
    scheme = purchases.scheme.copy()
    scheme[chosen] = FRIENDLY
    return replace(purchases, scheme=scheme)


def _card_test(rng: np.random.Generator, population: Population, calendar: Calendar, count: int) -> Purchases:
    """Two to five small charges within half an hour, then a few large ones within a day and a half."""
    episodes = max(count // 5, 1)
    victim, begin = _victims(rng, population, calendar, episodes)
    device = np.where(
        rng.random(episodes) < 0.6,
        STRANGE_DEVICE + rng.integers(0, 10**6, episodes),
        own_device(population.customers, victim, begin),
    )
    tests, spree = rng.integers(2, 6, episodes), rng.integers(1, 4, episodes)
    of_test, of_spree = np.repeat(np.arange(episodes), tests), np.repeat(np.arange(episodes), spree)
    test_day = begin[of_test] + rng.uniform(0, 0.5 / 24, len(of_test))
    wait = 0.03 + rng.exponential(0.35, episodes)
    spree_day = begin[of_spree] + wait[of_spree] + rng.uniform(0, 3 / 24, len(of_spree))
    small = np.round(rng.uniform(0.5, 4.0, len(of_test)), 2)
    large = tidy(rng, population.customers.spend[victim[of_spree]] * rng.lognormal(4.85, 0.6, len(of_spree)))
    return join(
        [
            _made(
                CARD_TEST,
                test_day,
                victim[of_test],
                _sellers(rng, population, len(of_test), ("digital", "transport", "leisure")),
                small,
                device[of_test],
            ),
            _made(
                CARD_TEST,
                spree_day,
                victim[of_spree],
                _sellers(rng, population, len(of_spree), ("electronics", "gift cards", "travel", "clothing")),
                large,
                device[of_spree],
            ),
        ]
    )


def _compromised(
    rng: np.random.Generator, population: Population, calendar: Calendar, count: int
) -> Purchases:
    """Cards copied at one shop are used weeks later in a far city, in shops and at fuel pumps."""
    people, merchants = population.customers, population.merchants
    leaks = max(round((calendar.last_day - calendar.first_day) / 4), 1)
    per_leak = max(count // (2 * leaks), 1)
    parts = []
    for begin in rng.uniform(calendar.first_day, calendar.last_day, leaks):
        seller = int(rng.choice(people.favourites.reshape(-1)))
        regulars = np.flatnonzero((people.favourites[:, :4] == seller).any(axis=1) & (people.joined < begin))
        if len(regulars) < 3:
            regulars = rng.integers(0, max(int(np.searchsorted(people.joined, begin)), 1), per_leak)
        victim = rng.choice(regulars, size=per_leak)
        used = begin + rng.gamma(3.0, 2.5, per_leak)
        city = rng.choice(len(population.city_size), size=per_leak)
        times = rng.integers(1, 4, per_leak)
        each = np.repeat(np.arange(per_leak), times)
        category = rng.choice(["electronics", "clothing", "fuel", "grocery", "home"], size=len(each))
        at = np.array([c.name for c in CATEGORIES])
        kind = np.array([int(np.flatnonzero(at == name)[0]) for name in category])
        low, high = merchants.group_start[city[each], kind], merchants.group_end[city[each], kind]
        shop = low + np.floor(rng.random(len(each)) * (high - low)).astype(np.int64)
        amount = tidy(rng, people.spend[victim[each]] * rng.lognormal(4.35, 0.6, len(each)))
        day = used[each] + rng.exponential(0.12, len(each))
        parts.append(_made(COMPROMISED, day, victim[each], shop, amount, np.full(len(each), -1)))
    return join(parts)


def _takeover(rng: np.random.Generator, population: Population, calendar: Calendar, count: int) -> Purchases:
    """A stranger's device orders goods at night. Adapted: it waits, keeps to daytime and to ordinary sums."""
    episodes = max(count // 4, 1)
    victim, begin = _victims(rng, population, calendar, episodes)
    adapted = begin >= calendar.adaptation
    night = np.floor(begin) + rng.uniform(0.5, 5.5, episodes) / 24
    daytime = np.floor(begin) + rng.uniform(9, 20, episodes) / 24
    begin = np.where(adapted, daytime, np.where(rng.random(episodes) < 0.7, night, begin))
    device = STRANGE_DEVICE + 10**7 + np.arange(episodes)
    times = rng.integers(2, 7, episodes)
    each = np.repeat(np.arange(episodes), times)
    spread = np.where(adapted[each], 1.5, 0.12)
    day = begin[each] + 1.5 * adapted[each] + rng.exponential(spread)
    sums = np.where(adapted[each], 3.5, 4.45)
    amount = tidy(rng, population.customers.spend[victim[each]] * rng.lognormal(sums, 0.6))
    seller = _sellers(rng, population, len(each), ("electronics", "clothing", "home", "gift cards", "travel"))
    orders = _made(TAKEOVER, day, victim[each], seller, amount, device[each])
    scheme = np.where(adapted[each], TAKEOVER_ADAPTED, TAKEOVER).astype("<U24")
    warm = np.flatnonzero(adapted)  # a first small order makes the device a known one
    warm_up = _made(
        TAKEOVER_ADAPTED,
        begin[warm],
        victim[warm],
        _sellers(rng, population, len(warm), ("digital",)),
        tidy(rng, rng.uniform(4.0, 15.0, len(warm))),
        device[warm],
    )
    return join([replace(orders, scheme=scheme), warm_up])


def _fresh_merchants(
    rng: np.random.Generator, population: Population, calendar: Calendar, *, charges: int
) -> tuple[Merchants, Purchases]:
    """Shops that open, charge many stored cards a small sum once, and vanish before the first complaint."""
    merchants, people = population.merchants, population.customers
    shops = max(round(charges / CHARGES_PER_FRESH), 1)
    span = calendar.last_day - calendar.new_scheme
    opened = calendar.new_scheme + span * (np.arange(shops) + rng.random(shops)) / shops
    names = [c.name for c in CATEGORIES]
    kinds = rng.choice([names.index("digital"), names.index("leisure"), names.index("transport")], size=shops)
    more = replace(
        merchants,
        city=np.concatenate([merchants.city, np.full(shops, ONLINE)]),
        category=np.concatenate([merchants.category, kinds]),
        price=np.concatenate([merchants.price, np.ones(shops)]),
        weight=np.concatenate([merchants.weight, np.zeros(shops)]),
        opened=np.concatenate([merchants.opened, opened]),
    )
    shop = rng.integers(0, shops, charges)
    day = np.floor(opened[shop] + rng.uniform(0, FRESH_LIFE_DAYS, charges)) + rng.uniform(0, 1, charges)
    price_points = np.array([2.95, 3.49, 4.95, 5.9, 6.49, 7.9, 8.95, 9.49, 11.9])
    price = price_points[rng.integers(0, len(price_points), size=(shops, 2))]
    amount = price[shop, rng.integers(0, 2, charges)]
    victim = rng.integers(0, np.maximum(np.searchsorted(people.joined, day), 1))
    device = own_device(people, victim, day)
    return more, _made(FRESH, day, victim, shop + len(merchants), amount, device)


def _victims(
    rng: np.random.Generator, population: Population, calendar: Calendar, count: int
) -> tuple[Ints, Floats]:
    begin = rng.uniform(calendar.first_day, calendar.last_day, count)
    people: Customers = population.customers
    reach = np.maximum(np.searchsorted(people.joined, begin), 1)
    return rng.integers(0, reach), begin


def _sellers(
    rng: np.random.Generator, population: Population, count: int, categories: tuple[str, ...]
) -> Ints:
    """Choose online merchants of some categories, popular ones more often."""
    names = [c.name for c in CATEGORIES]
    merchants = population.merchants
    wanted = [names.index(name) for name in categories]
    known = (merchants.city == ONLINE) & np.isin(merchants.category, wanted) & (merchants.opened < -1e3)
    at = np.flatnonzero(known)
    weight = np.sqrt(merchants.weight[at])
    return np.asarray(rng.choice(at, size=count, p=weight / weight.sum()), dtype=np.int64)


def _made(
    scheme: str, day: Floats, customer: Ints, merchant: Ints, amount: Floats, device: Ints
) -> Purchases:
    return Purchases(day, customer, merchant, amount, device, np.full(len(day), scheme, dtype="<U24"))

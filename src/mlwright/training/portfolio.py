"""The portfolio: settings that were good on other tables, in the order in which they are tried.

They were found on census, flights and diamonds data. When there is budget left, more candidates are drawn
around them by a sampler.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mlwright.training.learner import Candidate, Family, Setting
from mlwright.training.sampler import Sampler

LINEAR = Candidate("linear", "linear", "scaled", {"C": 1.0})
NETWORK = Candidate(
    "net-64",
    "network",
    "scaled",
    {
        "hidden": 64,
        "second": 32,
        "pieces": 48,
        "epochs": 16,
        "learning_rate": 3e-3,
        "decay": 0.05,
        "dropout": 0.2,
    },
)
FOREST = Candidate(
    "forest-60",
    "forest",
    "scaled",
    {"trees": 60, "num_leaves": 500, "min_rows": 5, "most_nodes": 90_000},
)


def _boosted(name: str, **settings: Setting) -> Candidate:
    return Candidate(name, "lightgbm", "native", settings)


def _numeric(name: str, family: Family, **settings: Setting) -> Candidate:
    return Candidate(name, family, "numeric", settings)


BOOSTED = (
    _boosted(
        "lgb-31",
        learning_rate=0.06,
        num_leaves=31,
        min_data_in_leaf=30,
        feature_fraction=0.7,
        bagging_fraction=0.9,
        lambda_l2=2.0,
    ),
    _boosted(
        "lgb-64",
        learning_rate=0.03,
        num_leaves=64,
        min_data_in_leaf=10,
        feature_fraction=0.9,
        bagging_fraction=0.7,
        lambda_l2=1.0,
        cat_smooth=1.0,
        cat_l2=1.0,
        min_data_per_group=20,
    ),
    _boosted(
        "lgb-16",
        learning_rate=0.05,
        num_leaves=16,
        min_data_in_leaf=30,
        feature_fraction=0.4,
        bagging_fraction=0.9,
        lambda_l2=2.0,
    ),
    _boosted(
        "lgb-127",
        learning_rate=0.03,
        num_leaves=127,
        min_data_in_leaf=60,
        feature_fraction=0.5,
        bagging_fraction=0.8,
        lambda_l2=5.0,
    ),
    _boosted(
        "lgb-12-extra",
        learning_rate=0.03,
        num_leaves=12,
        min_data_in_leaf=80,
        feature_fraction=0.35,
        bagging_fraction=0.8,
        lambda_l2=10.0,
        extra_trees=True,
    ),
)

RANKED = _boosted("lgb-31-pointwise", **BOOSTED[0].settings, pointwise=True)
"""Where rows are ranked, their relevance itself: as good where lists differ by what their columns tell."""

JOINING = {
    "lgb-31": (
        _numeric("cat-6", "catboost", learning_rate=0.08, depth=6, subsample=0.8, l2_leaf_reg=4.0),
        _numeric(
            "xgb-4",
            "xgboost",
            learning_rate=0.06,
            depth=4,
            colsample_bynode=0.5,
            subsample=0.8,
            min_child_weight=8.0,
            reg_lambda=3.0,
        ),
    ),
    "lgb-127": (
        _numeric("cat-4", "catboost", learning_rate=0.06, depth=4, subsample=0.7, rsm=0.6, l2_leaf_reg=10.0),
        _numeric(
            "xgb-8",
            "xgboost",
            learning_rate=0.04,
            depth=8,
            colsample_bynode=0.35,
            subsample=0.7,
            min_child_weight=20.0,
            reg_lambda=10.0,
        ),
        FOREST,
        NETWORK,
    ),
    "lgb-64": (
        _numeric("cat-8", "catboost", learning_rate=0.06, depth=8, subsample=0.7, rsm=0.5, l2_leaf_reg=6.0),
    ),
}
"""Candidates of other families, by the candidate that they come after."""


def quick_candidate(rate: float) -> Candidate:
    """Give a booster that is good after few rounds, for budgets that allow no more."""
    return _boosted(
        f"lgb-quick-{rate:g}",
        learning_rate=rate,
        num_leaves=31,
        min_data_in_leaf=30,
        feature_fraction=0.8,
        bagging_fraction=0.9,
        lambda_l2=2.0,
    )


def boosted_candidates(
    families: Collection[Family] = frozenset(), *, is_ranked: bool = False
) -> Iterator[Candidate]:
    """Give the portfolio of the families that are installed.

    >>> [candidate.name for candidate in boosted_candidates()]
    ['lgb-31', 'lgb-64', 'lgb-16', 'lgb-127', 'lgb-12-extra']
    """
    for candidate in BOOSTED:
        yield candidate
        if is_ranked and candidate == BOOSTED[0]:
            yield RANKED
        yield from (one for one in JOINING.get(candidate.name, ()) if one.family in families)


def drawn_candidate(sampler: Sampler, number: int) -> Candidate:
    """Give a candidate that a sampler draws."""
    return _boosted(f"lgb-{sampler.name}-{number}", **sampler.propose())

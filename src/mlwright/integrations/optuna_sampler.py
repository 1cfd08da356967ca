"""Candidates after the portfolio, drawn by Optuna where losses so far were low (TPE).

Reference: Bergstra et al. 2011, Algorithms for hyper-parameter optimization; Watanabe 2023, Tree-structured
Parzen estimator.
"""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from mlwright.training.learner import Setting
from mlwright.training.sampler import EXTRA, SPACE, Range, Sampler

FEWEST_TOLD = 4  # losses before which settings are drawn at random: the portfolio alone tells more


class TpeSampler:
    """Implements `Sampler`."""

    name = "tpe"

    def __init__(self, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(n_startup_trials=FEWEST_TOLD, seed=seed)
        self._study = optuna.create_study(sampler=sampler)
        self._space = {name: _distribution(one) for name, one in SPACE.items()}
        self._space[EXTRA] = CategoricalDistribution([False, True])

    def propose(self) -> Mapping[str, Setting]:
        """Ask for the most promising settings; those asked for before stay open until they are told."""
        return dict(self._study.ask(self._space).params)

    def tell(self, settings: Mapping[str, Setting], loss: float) -> None:
        """Add a trial if its settings lie within the space."""
        params = {EXTRA: bool(settings.get(EXTRA, False))} | {name: settings.get(name) for name in SPACE}
        if all(SPACE[name].holds(params[name]) for name in SPACE):
            trial = optuna.trial.create_trial(params=params, distributions=self._space, value=loss)
            self._study.add_trial(trial)


def sampler(seed: int) -> Sampler:
    """Give a sampler that starts from nothing."""
    return TpeSampler(seed)


def _distribution(one: Range) -> BaseDistribution:
    if one.is_whole:
        return IntDistribution(int(one.low), int(one.high), log=one.is_logarithmic)
    return FloatDistribution(one.low, one.high, log=one.is_logarithmic)

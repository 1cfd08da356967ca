"""The learners that are at hand: those of the default install, and those of extras that are installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, cast

import numpy as np

from mlwright.training.boosted import BoostedLearner
from mlwright.training.forest import ForestLearner
from mlwright.training.learner import Candidate, Family, FitTask, FittedModel, Floats, Learner
from mlwright.training.linear import LinearLearner
from mlwright.training.network import NetworkLearner
from mlwright.training.sampler import RandomSampler, Sampler

Extra: TypeAlias = Literal["xgboost", "catboost"]

OPTUNA = "optuna"
EXTRAS: tuple[Extra, ...] = ("xgboost", "catboost")


class _Integration(Protocol):
    """What the module of a family gives."""

    def learner(self) -> Learner: ...

    def margins(self, text: str, values: Floats) -> Floats: ...

    def contributions(self, text: str, values: Floats) -> Floats: ...

    def library_version(self) -> str: ...


def installed_learners() -> dict[Family, Learner]:
    """Give a learner for each family; a library is imported when its first candidate is fitted."""
    found: dict[Family, Learner] = {"lightgbm": BoostedLearner()}
    found.update({name: _LateLearner(name) for name in installed_extras()})
    return {**found, "forest": ForestLearner(), "network": NetworkLearner(), "linear": LinearLearner()}


def installed_extras() -> list[Extra]:
    """Name the families whose library is installed."""
    return [name for name in EXTRAS if importlib.util.find_spec(name) is not None]


def installed_sampler() -> Callable[[int], Sampler]:
    """Give what draws candidates after the portfolio: Optuna where it is installed, else chance."""
    return _optuna_sampler if importlib.util.find_spec(OPTUNA) is not None else RandomSampler


def extra_versions() -> dict[str, str]:
    """Give the versions of the libraries of extras that are installed."""
    found: dict[str, str] = {name: _integration(name).library_version() for name in installed_extras()}
    if importlib.util.find_spec(OPTUNA) is not None:
        found[OPTUNA] = importlib.metadata.version(OPTUNA)
    return found


def extra_margins(family: Extra, text: str, values: Floats) -> Floats:
    """Give the sums before the link that a library gives for a model that it fitted."""
    return np.asarray(_integration(family).margins(text, values), dtype=np.float64)


def extra_contributions(family: Extra, text: str, values: Floats) -> Floats:
    """Give Shapley values `[rows, outputs, columns]` by a library, with what they start from behind them."""
    return np.asarray(_integration(family).contributions(text, values), dtype=np.float64)


@dataclass(frozen=True)
class _LateLearner:
    family: Extra

    def fit(self, candidate: Candidate, task: FitTask) -> FittedModel:
        return _integration(self.family).learner().fit(candidate, task)


def _optuna_sampler(seed: int) -> Sampler:
    module = importlib.import_module("mlwright.integrations.optuna_sampler")
    return cast("Sampler", module.sampler(seed))


def _integration(family: Extra) -> _Integration:
    return cast("_Integration", importlib.import_module(f"mlwright.integrations.{family}_learner"))

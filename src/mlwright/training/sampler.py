"""Settings of boosters that are tried after the portfolio: where they are drawn from, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mlwright.training.learner import Setting


@dataclass(frozen=True)
class Range:
    """The ends between which a setting is drawn."""

    low: float
    high: float
    is_logarithmic: bool = False
    is_whole: bool = False

    def holds(self, value: object) -> bool:
        """Tell whether a value lies in it.

        >>> Range(8, 160).holds(31), Range(8, 160).holds("many")
        (True, False)
        """
        return isinstance(value, int | float) and self.low <= value <= self.high


SPACE: Mapping[str, Range] = {
    "learning_rate": Range(0.02, 0.08, is_logarithmic=True),
    "num_leaves": Range(8, 160, is_logarithmic=True, is_whole=True),
    "min_data_in_leaf": Range(10, 120, is_logarithmic=True, is_whole=True),
    "feature_fraction": Range(0.3, 0.9),
    "bagging_fraction": Range(0.6, 0.95),
    "lambda_l2": Range(0.5, 15, is_logarithmic=True),
}
EXTRA = "extra_trees"
EXTRA_SHARE = 0.25


class Sampler(Protocol):
    """Proposes settings of LightGBM within `SPACE`; the same seed and losses give the same ones."""

    @property
    def name(self) -> str:
        """Name what draws, as part of the names of candidates."""
        ...

    def propose(self) -> Mapping[str, Setting]:
        """Give the next settings."""
        ...

    def tell(self, settings: Mapping[str, Setting], loss: float) -> None:
        """Hear what settings reached, proposed ones or others."""
        ...


@dataclass
class RandomSampler:
    """Draws at random and hears nothing; implements `Sampler`."""

    seed: int
    name: str = "random"
    _generator: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._generator = np.random.default_rng(self.seed)

    def propose(self) -> Mapping[str, Setting]:
        """Draw each setting on its own."""
        drawn: dict[str, Setting] = {name: self._draw(one) for name, one in SPACE.items()}
        return {**drawn, EXTRA: bool(self._generator.random() < EXTRA_SHARE)}

    def tell(self, settings: Mapping[str, Setting], loss: float) -> None:
        """Do nothing."""

    def _draw(self, one: Range) -> float | int:
        low, high = (np.log(one.low), np.log(one.high)) if one.is_logarithmic else (one.low, one.high)
        value = float(self._generator.uniform(low, high))
        value = float(np.exp(value)) if one.is_logarithmic else value
        return int(value) if one.is_whole else value

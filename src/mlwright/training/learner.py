"""The learner behind a candidate: from a matrix to a model that gives sums before the link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from mlwright.project import Task

Floats: TypeAlias = npt.NDArray[np.float64]
Encoding: TypeAlias = Literal["native", "numeric", "scaled"]
Family: TypeAlias = Literal["lightgbm", "xgboost", "catboost", "forest", "linear", "network"]
Form: TypeAlias = Literal[
    "lightgbm-text", "xgboost-json", "catboost-json", "forest-json", "linear-json", "network-json"
]
Setting: TypeAlias = float | int | str | bool

FAMILY_NAMES: Mapping[Family, str] = {
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "catboost": "CatBoost",
    "forest": "forest",
    "linear": "linear",
    "network": "network",
}


@dataclass(frozen=True)
class Candidate:
    """A learner with settings. Its name is stable: seeds and what a killed run left are found by it."""

    name: str
    family: Family
    encoding: Encoding
    settings: Mapping[str, Setting]

    @property
    def leaves(self) -> int:
        """Count the leaves that each of its trees may have; 0 for what is no tree."""
        depth = int(self.settings.get("depth", 0))
        return int(self.settings.get("num_leaves", 2**depth if depth else 0))

    @property
    def is_boosted(self) -> bool:
        """Tell whether its rounds follow one another, so that more rows take more of them."""
        return self.leaves > 0 and self.family != "forest"

    def leaves_of(self, outputs: int) -> int:
        """Count the leaves of a tree of a model with so many outputs: those of a forest share its nodes."""
        if self.family != "forest":
            return self.leaves
        shared = int(self.settings["most_nodes"]) // (int(self.settings["trees"]) * outputs)
        return max(min(self.leaves, shared), 2)


@dataclass(frozen=True)
class Matrix:
    """Encoded rows; `categorical` are the places of columns that hold indices of levels.

    `lists` numbers the list in which a row is ranked, -1 for none.

    A learner may keep in `prepared`, under its name, what it makes of the rows for any candidate.
    """

    values: Floats
    target: Floats
    weight: Floats
    categorical: tuple[int, ...] = ()
    lists: npt.NDArray[np.int64] | None = None
    prepared: dict[str, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class FitTask:
    """What to fit on. Without `valid` it is for `rounds`; `tick(round)` says True when time is up.

    With `is_count` the target counts something and margins are logarithms of rates.
    With `is_logarithmic` the sums of a regression are to be logarithms of the value. With `is_ranked` they
    only have to order the rows of each list.
    """

    train: Matrix
    valid: Matrix | None
    task: Task
    classes: int
    seed: int
    rounds: int | None
    tick: Callable[[int], bool]
    is_count: bool = False
    is_logarithmic: bool = False
    is_ranked: bool = False

    @property
    def outputs(self) -> int:
        """Count the sums that a model gives for a row."""
        return self.classes if self.task == "multiclass" else 1


@dataclass(frozen=True)
class ModelDump:
    """A fitted model as data, never a pickle. What it says times `scale` plus `shift` are its margins."""

    form: Form
    text: str
    scale: float = 1.0
    shift: float = 0.0


class FittedModel(Protocol):
    """A fitted model. `rounds` is how many it uses, `grown` how many it paid for."""

    @property
    def rounds(self) -> int:
        """Count the rounds that validation chose."""
        ...

    @property
    def grown(self) -> int:
        """Count the rounds that were fitted."""
        ...

    def margins(self, values: Floats) -> Floats:
        """Give sums before the link: `[rows]`, for several classes `[rows, classes]`."""
        ...

    def dump(self) -> ModelDump:
        """Give the model as data."""
        ...


class Learner(Protocol):
    """Fits one family.

    The same task gives the same model while `tick` says False. It keeps nothing between calls, uses one
    thread, and raises `TrainingError` when nothing can be fitted.
    """

    def fit(self, candidate: Candidate, task: FitTask) -> FittedModel:
        """Fit a candidate."""
        ...

"""A random forest of scikit-learn whose leaves hold sums that add up, as those of boosters do.

Idea: a mean of probabilities is no sum before the link. So a leaf holds logarithms of its shares of the
classes, moved towards those of all rows as if a few such rows were in it (m-estimates: Provost and Domingos
2003, Tree induction for probability-based ranking); their mean over trees is a pool of opinions (Genest and
Zidek 1986, Combining probability distributions). That mean is too sure or too careful: a logistic regression
on it, by what each row is told by the trees that have not drawn it (Breiman 1996, Out-of-bag estimation),
says by how much, and goes into the leaves.

Of numbers the leaves hold means, which add up as they are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mlwright.store import canonical_json
from mlwright.training.boosted import standard_target
from mlwright.training.learner import Candidate, FitTask, Floats, Matrix, ModelDump
from mlwright.training.linear import LinearLearner, LinearModel

MOST_DRAWN = 10_000  # rows of a tree: others see other rows
MOST_TRIED = 30  # columns of a split, unless the root is more
STEP = 5  # trees between two looks at the clock
MADE_UP = 5.0  # rows with the shares of all rows, in each leaf
TINY = 1e-6  # the least share of a class
LARGEST = 3e38  # scikit-learn refuses what is infinite in float32
LINE = Candidate("line", "linear", "scaled", {"C": 1.0})
STRUCTURE = ("left_child", "right_child", "feature", "threshold", "missing_go_to_left", "n_node_samples")

Grown = tuple[Any, Floats]
"""A tree of scikit-learn, which has no types, and what its nodes add `[nodes, outputs]`."""


@dataclass(frozen=True)
class ForestModel:
    """Trees whose sums are added up; margins are `scale` times that plus `shift`."""

    trees: tuple[Grown, ...]
    columns: int
    scale: float = 1.0
    shift: float = 0.0

    @property
    def rounds(self) -> int:
        """Count the trees."""
        return len(self.trees)

    @property
    def grown(self) -> int:
        """Count the trees."""
        return len(self.trees)

    def margins(self, values: Floats) -> Floats:
        """Give sums before the link."""
        rows = single_rows(values)
        sums = np.zeros((len(rows), self.trees[0][1].shape[1]))
        for tree, added in self.trees:
            sums += added[tree.apply(rows)]
        sums = self.scale * sums + self.shift
        return np.asarray(sums[:, 0] if sums.shape[1] == 1 else sums, dtype=np.float64)

    def dump(self) -> ModelDump:
        """Give the trees as JSON."""
        trees = [_plain(tree) | {"sums": added.tolist()} for tree, added in self.trees]
        text = canonical_json({"columns": self.columns, "trees": trees})
        return ModelDump("forest-json", text, self.scale, self.shift)


def read_forest(text: str) -> ForestModel:
    """Read what `ForestModel.dump` gave, as trees that scikit-learn walks again."""
    document = json.loads(text)
    columns = int(document["columns"])
    trees = [(_tree(plain, columns), np.array(plain["sums"])) for plain in document["trees"]]
    return ForestModel(tuple(trees), columns)


class ForestLearner:
    """Fits a random forest; implements `Learner`."""

    def fit(self, candidate: Candidate, task: FitTask) -> ForestModel:
        """Grow the trees asked, a few at a time, or until time is up."""
        shift, scale = standard_target(task)
        rows, target = single_rows(task.train.values), (task.train.target - shift) / scale
        if rows.shape[1] == 0:
            rows = np.zeros((len(rows), 1), dtype=np.float32)
        weight = None if (task.train.weight == 1).all() else task.train.weight
        forest = _estimator(candidate, task, rows.shape[1])
        most = int(candidate.settings["trees"]) if task.rounds is None else task.rounds
        for grown in (*range(STEP, most, STEP), most):
            forest.set_params(n_estimators=grown).fit(rows, target, sample_weight=weight)
            if task.tick(grown):
                break
        trees = [member.tree_ for member in forest.estimators_]
        if task.task == "regression":
            said = [tree.value[:, 0, :] / len(trees) for tree in trees]
        else:
            said = _summed(forest, [_logarithms(tree, forest.classes_, task) for tree in trees], rows, task)
        return ForestModel(tuple(zip(trees, said, strict=True)), task.train.values.shape[1], scale, shift)


def tried_columns(columns: float, *, is_number: bool) -> int:
    """Give how many columns a split chooses from: a third for numbers, of many no more; else the root.

    >>> [tried_columns(columns, is_number=True) for columns in (27, 900)], tried_columns(27, is_number=False)
    ([9, 30], 5)
    """
    third = min(round(columns / 3), MOST_TRIED) if is_number else 1
    return max(round(math.sqrt(columns)), third, 1)


def _estimator(candidate: Candidate, task: FitTask, columns: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    is_number = task.task == "regression"
    return (RandomForestRegressor if is_number else RandomForestClassifier)(
        max_leaf_nodes=candidate.leaves_of(task.outputs),
        min_samples_leaf=int(candidate.settings["min_rows"]),
        max_features=tried_columns(columns, is_number=is_number),
        max_samples=min(MOST_DRAWN, len(task.train.target)),
        random_state=task.seed,
        warm_start=True,
        n_jobs=1,
    )


def _logarithms(tree: Any, classes: Floats, task: FitTask) -> Floats:
    """Give log-odds of the second of two classes, or the logarithm of the share of each, by node."""
    count = max(task.classes, 2) if task.task == "multiclass" else 2
    known = task.train.target.astype(np.int64)
    prior = np.maximum(np.bincount(known, weights=task.train.weight, minlength=count), TINY)
    shares = np.zeros((tree.node_count, count))
    shares[:, classes.astype(np.int64)] = tree.value[:, 0, :]
    size = tree.weighted_n_node_samples[:, None]
    shares = (size * shares + MADE_UP * prior / prior.sum()) / (size + MADE_UP)
    told = np.log(np.maximum(shares, TINY))
    return np.asarray(told if task.task == "multiclass" else told[:, 1:] - told[:, :1])


def _summed(
    forest: Any, told: Sequence[Floats], rows: npt.NDArray[np.float32], task: FitTask
) -> list[Floats]:
    """Give what nodes add, so that the sum is the line through the mean of what they tell."""
    line = _line(forest, told, rows, task)
    slopes, start = line.coefficients.T, line.intercept
    return [(one @ slopes + start) / len(told) for one in told]


def _line(forest: Any, told: Sequence[Floats], rows: npt.NDArray[np.float32], task: FitTask) -> LinearModel:
    """Fit the line by rows that trees have not drawn; without rows of two classes nothing is changed."""
    sums, counts = np.zeros((len(rows), task.outputs)), np.zeros(len(rows))
    drawn = forest.estimators_samples_
    for member, values, chosen in zip(forest.estimators_, told, drawn, strict=True):
        unseen = np.setdiff1d(np.arange(len(rows)), chosen)
        sums[unseen] += values[member.tree_.apply(rows[unseen])]
        counts[unseen] += 1
    known = counts > 0
    target = task.train.target[known]
    if len(np.unique(target)) < 2:
        return LinearModel(np.eye(task.outputs), np.zeros(task.outputs))
    mean = sums[known] / counts[known, None]
    return LinearLearner().fit(LINE, replace(task, train=Matrix(mean, target, task.train.weight[known])))


def single_rows(values: Floats) -> npt.NDArray[np.float32]:
    """Give rows as scikit-learn compares them."""
    return np.ascontiguousarray(np.clip(values, -LARGEST, LARGEST), dtype=np.float32)


def _plain(tree: Any) -> dict[str, object]:
    nodes = tree.__getstate__()["nodes"]
    return {name: nodes[name].tolist() for name in STRUCTURE}


def _tree(plain: dict[str, Any], columns: int) -> Any:
    """Make a tree of scikit-learn from its structure, which is what it finds the leaf of a row by."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    nodes = np.zeros(len(plain["feature"]), dtype=NODE_DTYPE)
    for name in STRUCTURE:
        nodes[name] = plain[name]
    tree = Tree(max(columns, 1), np.array([1], dtype=np.intp), 1)
    values = np.zeros((len(nodes), 1, 1))
    tree.__setstate__({"max_depth": len(nodes), "node_count": len(nodes), "nodes": nodes, "values": values})
    return tree

"""XGBoost models to `model.trees`.

The rules are XGBoost's: a row is rounded to float32; numbers below the condition go left; categories of the
list go right, all others left; missing values follow the default side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlwright.data import Column
from mlwright.errors import ModelUnsupported
from mlwright.packaging.forest import Answer, Link, Split, TreeArrays
from mlwright.packaging.kernel_model import KernelModel, Task
from mlwright.packaging.rounding import float32_bounds
from mlwright.packaging.xgboost_file import SourceTree, XgboostFile


def _logit(score: float) -> float:
    return -math.log(1.0 / score - 1.0)


def _same(score: float) -> float:
    return score


@dataclass(frozen=True)
class Objective:
    """What `predict` makes of the sums, and what it makes of the base score before they begin."""

    task: Task
    link: Link
    to_margin: Callable[[float], float] = _same


RAW = Objective("regression", "identity")
COUNTS = Objective("regression", "exp", math.log)
OBJECTIVES: Mapping[str, Objective] = {
    "binary:logistic": Objective("binary", "sigmoid", _logit),
    "binary:logitraw": RAW,
    "binary:hinge": Objective("binary", "step"),
    "reg:logistic": Objective("regression", "sigmoid", _logit),
    "multi:softprob": Objective("multiclass", "softmax"),
    "multi:softmax": Objective("multiclass", "softmax"),
    "count:poisson": COUNTS,
    "reg:gamma": COUNTS,
    "reg:tweedie": COUNTS,
    **dict.fromkeys(
        (
            "reg:squarederror",
            "reg:linear",
            "reg:squaredlogerror",
            "reg:pseudohubererror",
            "reg:absoluteerror",
            "rank:pairwise",
            "rank:ndcg",
            "rank:map",
        ),
        RAW,
    ),
}


def trees_from_xgboost(model: XgboostFile) -> KernelModel:
    """Convert a model. Raises `ModelUnsupported` for an objective that is not known here.

    A null in a column of texts is the level "", the last one: its bit goes where missing values go.
    """
    objective = objective_of(model)
    levels = {place: (*texts, "") for place, texts in model.levels.items()}
    for place, texts in model.levels.items():
        if "" in texts:
            raise ModelUnsupported(
                f"feature {place} has the empty text as a category, which a null would be taken for",
                hint="give the category another name",
            )
    arrays = TreeArrays()
    for tree in model.trees:
        arrays.add_tree(
            _nodes(tree, {place: len(texts) for place, texts in model.levels.items()}), tree.output
        )
    answer = Answer(objective.link, margins_of(model))
    return KernelModel(
        data=arrays.to_bytes(model.features, answer),
        columns=_columns(model),
        outputs=model.outputs,
        task=objective.task,
        is_named=bool(model.names),
        levels=levels,
        categorical=frozenset(_categorical(model)),
    )


def objective_of(model: XgboostFile) -> Objective:
    """Give what the objective means. Raises `ModelUnsupported`."""
    objective = OBJECTIVES.get(model.objective)
    if not model.trees:
        raise ModelUnsupported("the model has no trees", hint="train it for at least one round")
    if objective is None or (objective.task == "multiclass") != (model.outputs > 1):
        raise ModelUnsupported(
            f"the objective {model.objective!r} with {model.outputs} outputs cannot be reproduced exactly",
            hint=f"train with one of: {', '.join(sorted(OBJECTIVES))}",
        )
    return objective


def margins_of(model: XgboostFile) -> tuple[float, ...]:
    """Give the starts of the sums. Raises `ModelUnsupported` for a base score outside its range."""
    to_margin = objective_of(model).to_margin
    try:
        return tuple(to_margin(score) for score in model.base_score)
    except (ValueError, ZeroDivisionError) as cause:
        raise ModelUnsupported(
            f"the base score {model.base_score} is none of the objective {model.objective!r}",
            hint="train with a base_score inside the range of the predictions",
        ) from cause


def _nodes(tree: SourceTree, nulls: Mapping[int, int]) -> list[Split | float]:
    """Convert the nodes; `nulls` has the category that stands for null, by feature."""
    bounds = float32_bounds(tree.condition, is_strict=True)
    nodes: list[Split | float] = []
    for node in range(len(tree.left)):
        left, right = int(tree.left[node]), int(tree.right[node])
        feature, is_default_left = int(tree.feature[node]), bool(tree.is_default_left[node])
        if left == -1:
            nodes.append(float(tree.condition[node]) * tree.weight)
        elif node in tree.categories:  # the format sends the set left, XGBoost right
            chosen = tree.categories[node]
            if feature in nulls and not is_default_left:
                chosen |= {nulls[feature]}
            nodes.append(Split(feature, right, left, 0.0, chosen, is_default_left=not is_default_left))
        elif math.isnan(bounds[node]):
            raise ModelUnsupported(
                f"a split compares with {tree.condition[node]}", hint="train with finite values"
            )
        else:
            nodes.append(Split(feature, left, right, float(bounds[node]), is_default_left=is_default_left))
    return nodes


def _categorical(model: XgboostFile) -> set[int]:
    named = {place for place, kind in enumerate(model.kinds) if kind == "c"}
    split = {int(tree.feature[node]) for tree in model.trees for node in tree.categories}
    return named | split | set(model.levels)


def _columns(model: XgboostFile) -> tuple[Column, ...]:
    names = model.names or tuple(f"f{place}" for place in range(model.features))
    if len(names) != model.features:
        raise ModelUnsupported(
            f"the file has {len(names)} names for {model.features} features",
            hint="write the model again with its library: the file is damaged",
        )
    codes = _categorical(model)
    return tuple(
        Column(name, "string" if place in model.levels else "integer" if place in codes else "number")
        for place, name in enumerate(names)
    )

"""scikit-learn trees, forests and boosted trees to `model.trees`.

They are objects, so they come from the program that trained them, never out of a pickle. Trees, forests and
gradient boosting round a row to float32 and go left where it is <= the threshold; histogram gradient boosting
compares float64, and sends missing and unknown categories to one side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mlwright.data import Column
from mlwright.errors import ModelUnsupported
from mlwright.packaging.forest import MOST_CATEGORY, Answer, Floats, Link, Split, TreeArrays
from mlwright.packaging.kernel_check import NEVER_SEEN
from mlwright.packaging.kernel_model import KernelModel, Task
from mlwright.packaging.rounding import float32_bounds

ABOVE_HALF = math.nextafter(0.5, 1.0)
"""For estimators that give a tie to the first class."""
SUPPORTED = (
    "DecisionTree, ExtraTree, RandomForest, ExtraTrees, GradientBoosting and HistGradientBoosting, each as "
    "classifier and regressor"
)


@dataclass(frozen=True)
class _Estimator:
    """What all of them have. The object is scikit-learn's own, which has no types."""

    fitted: Any
    is_classifier: bool
    allows_missing: bool

    @property
    def width(self) -> int:
        return int(self.fitted.n_features_in_)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(name) for name in getattr(self.fitted, "feature_names_in_", ()))

    @property
    def classes(self) -> tuple[object, ...] | None:
        return tuple(self.fitted.classes_.tolist()) if self.is_classifier else None

    @property
    def outputs(self) -> int:
        """Numbers that the trees give for each row: one for two classes."""
        classes = self.classes or ()
        return len(classes) if len(classes) > 2 else 1

    @property
    def task(self) -> Task:
        return "regression" if not self.is_classifier else "binary" if self.outputs == 1 else "multiclass"


def trees_from_estimator(fitted: object) -> KernelModel:
    """Convert a fitted estimator.

    Fitted with column names it takes named columns; null is refused where the estimator refuses NaN. Raises
    `ModelUnsupported` for another estimator, one that is not fitted, several targets, or one class.
    """
    from sklearn import ensemble, tree
    from sklearn.base import is_classifier
    from sklearn.utils import get_tags

    forests = (
        ensemble.RandomForestClassifier,
        ensemble.RandomForestRegressor,
        ensemble.ExtraTreesClassifier,
        ensemble.ExtraTreesRegressor,
    )
    histograms = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
    boosted = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
    single = (tree.DecisionTreeClassifier, tree.DecisionTreeRegressor)
    if not isinstance(fitted, (*forests, *histograms, *boosted, *single)):
        raise ModelUnsupported(
            f"the estimator is a {type(fitted).__name__}",
            hint=f"supported are linear models, {SUPPORTED}, and pipelines of them",
        )
    if not hasattr(fitted, "n_features_in_"):
        raise ModelUnsupported("the estimator is not fitted", hint="call its fit first")
    about = _Estimator(fitted, is_classifier(fitted), get_tags(fitted).input_tags.allow_nan)
    if getattr(fitted, "n_outputs_", 1) > 1 or len(about.classes or (0, 1)) < 2:
        raise ModelUnsupported(
            "the estimator has several targets, or one class only",
            hint="fit one estimator for each target, on at least two classes",
        )
    if isinstance(fitted, histograms):
        return _from_histograms(about)
    if isinstance(fitted, boosted):
        return _from_boosting(about)
    return _from_forest(about, fitted.estimators_ if isinstance(fitted, forests) else [fitted])


def estimator_answers(fitted: object, model: KernelModel, matrix: Floats) -> Floats:
    """Give the estimator's own predictions: probability of the second class, of all classes, or values."""
    ask = fitted.predict if model.task == "regression" else fitted.predict_proba  # type: ignore[attr-defined]
    with np.errstate(over="ignore", invalid="ignore"):  # it sums the rows to see whether all are finite
        scores = np.asarray(ask(_as_fitted(fitted, model, matrix)), dtype=np.float64)
    return scores[:, 1] if model.task == "binary" else scores


def _as_fitted(
    fitted: object, model: KernelModel, matrix: Floats
) -> npt.NDArray[np.object_] | Floats | pl.DataFrame:
    """Give a matrix as the estimator was given its rows: texts where the columns are texts."""
    rows: npt.NDArray[np.object_] | Floats = matrix
    if model.levels:
        known = dict(zip(_places(fitted), _encoder(fitted).categories_, strict=True))
        rows = matrix.astype(object)
        for place, levels in model.levels.items():
            texts = [None if text == "" and None in known[place] else text for text in levels]
            rows[:, place] = [
                None if np.isnan(value) else texts[int(value)] if value >= 0 else NEVER_SEEN
                for value in matrix[:, place]
            ]
    if not hasattr(fitted, "feature_names_in_"):
        return rows
    return pl.DataFrame(
        {
            column.name: pl.Series(
                rows[:, place].tolist() if place in model.levels else matrix[:, place],
                dtype=pl.String if place in model.levels else pl.Float64,
            )
            for place, column in enumerate(model.columns)
        }
    )


def _model(about: _Estimator, arrays: TreeArrays, answer: Answer, threshold: float) -> KernelModel:
    names = about.names or tuple(f"f{place}" for place in range(about.width))
    return KernelModel(
        data=arrays.to_bytes(about.width, answer),
        columns=tuple(Column(name, "number", nullable=about.allows_missing) for name in names),
        outputs=about.outputs,
        task=about.task,
        is_named=bool(about.names),
        classes=about.classes,
        threshold=threshold,
        takes_infinite=False,
    )


def forest_arrays(trees: Iterable[tuple[Any, Floats]]) -> TreeArrays:
    """Convert `Tree` objects, each with what its nodes add to the outputs, `[nodes, outputs]`."""
    arrays = TreeArrays()
    for tree, added in trees:
        for output in range(added.shape[1]):
            arrays.add_tree(_nodes(tree, added[:, output]), output)
    return arrays


def _from_forest(about: _Estimator, members: Sequence[Any]) -> KernelModel:
    first = 0 if about.task == "multiclass" else -1
    arrays = forest_arrays((member.tree_, member.tree_.value[:, 0, first:]) for member in members)
    answer = Answer("identity", (0.0,) * about.outputs, is_average=True)
    return _model(about, arrays, answer, ABOVE_HALF)


def _from_boosting(about: _Estimator) -> KernelModel:
    fitted, arrays = about.fitted, TreeArrays()
    for members in fitted.estimators_:
        for output, member in enumerate(members):
            values = fitted.learning_rate * member.tree_.value[:, 0, 0]
            arrays.add_tree(_nodes(member.tree_, values), output)
    slope = 2.0 if fitted.loss == "exponential" else 1.0
    answer = Answer(_class_link(about) or "identity", _start(about, slope), slope)
    return _model(about, arrays, answer, 0.5)


def _class_link(about: _Estimator) -> Link | None:
    if not about.is_classifier:
        return None
    return "sigmoid" if about.outputs == 1 else "softmax"


def _start(about: _Estimator, slope: float) -> tuple[float, ...]:
    """Give the sums before the first tree: zero, or what a constant predictor says, before the link."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    first = about.fitted.init_
    if isinstance(first, str) and first == "zero":
        return (0.0,) * about.outputs
    row = np.zeros((1, about.width))
    if isinstance(first, DummyRegressor):
        return (float(first.predict(row)[0]),)
    if not isinstance(first, DummyClassifier) or first.strategy not in ("prior", "constant", "most_frequent"):
        raise ModelUnsupported(
            f"the boosting starts from a {type(first).__name__}",
            hint='fit with init=None, init="zero" or a dummy estimator that is constant',
        )
    smallest = np.finfo(np.float64).eps
    shares = np.clip(first.predict_proba(row)[0], smallest, 1 - smallest)
    if about.outputs == 1:
        return (float(np.log(shares[1] / (1 - shares[1])) / slope),)
    return tuple((np.log(shares) - np.log(shares).mean()).tolist())


def _nodes(tree: Any, values: Floats) -> list[Split | float]:
    """Convert a `Tree` with these values in its leaves."""
    bounds = float32_bounds(tree.threshold, is_strict=False)
    missing_left = tree.missing_go_to_left
    return [
        float(values[node])
        if tree.children_left[node] == -1
        else Split(
            int(tree.feature[node]),
            int(tree.children_left[node]),
            int(tree.children_right[node]),
            float(bounds[node]),
            is_default_left=bool(missing_left[node]),
        )
        for node in range(tree.node_count)
    ]


def _from_histograms(about: _Estimator) -> KernelModel:
    fitted, arrays = about.fitted, TreeArrays()
    categories = _categories(fitted)
    # Its encoder puts the columns of categories before all others.
    places = [*categories, *(place for place in range(about.width) if place not in categories)]
    for members in fitted._predictors:
        for output, member in enumerate(members):
            arrays.add_tree(_histogram_nodes(member, places, categories), output)
    link = _class_link(about) or ("exp" if fitted.loss in ("poisson", "gamma") else "identity")
    start = tuple(float(value) for value in fitted._baseline_prediction.ravel())
    model = _model(about, arrays, Answer(link, start), ABOVE_HALF)
    levels = {
        place: tuple(str(item) for item in known)
        for place, known in categories.items()
        if not all(_is_code(item) for item in known)
    }
    return replace(
        model,
        columns=tuple(
            replace(column, type="string" if place in levels else "integer")
            if place in categories
            else column
            for place, column in enumerate(model.columns)
        ),
        is_named=model.is_named or bool(levels),
        levels=levels,
        categorical=frozenset(categories),
        takes_infinite=True,
    )


def _categories(fitted: Any) -> dict[int, list[object]]:
    """Give the known categories by feature: whole numbers from 0, or texts in the order of their codes.

    NaN is no category to scikit-learn, but None is one: the text "", which every transform takes null for.
    """
    if fitted.is_categorical_ is None:
        return {}
    found: dict[int, list[object]] = {}
    for place, items in zip(_places(fitted), _encoder(fitted).categories_, strict=True):
        known = [item for item in items.tolist() if not (isinstance(item, float) and math.isnan(item))]
        if known and all(_is_code(item) for item in known):
            found[place] = [int(item) for item in known]
        elif all(item is None or isinstance(item, str) for item in known) and not {None, ""} <= set(known):
            found[place] = [item or "" for item in known]
        else:
            raise ModelUnsupported(
                f"feature {place} has categories that are neither texts nor whole numbers from 0",
                hint='fit on texts (with None or "", not both), or number the categories from 0',
            )
    return found


def _places(fitted: Any) -> list[int]:
    places: list[int] = np.flatnonzero(fitted.is_categorical_).tolist()
    return places


def _encoder(fitted: Any) -> Any:
    return fitted._preprocessor.named_transformers_["encoder"]


def _is_code(item: object) -> bool:
    if isinstance(item, bool) or not isinstance(item, int | float):
        return False
    return 0 <= item < MOST_CATEGORY and item % 1 == 0


def _histogram_nodes(
    member: Any, places: list[int], categories: dict[int, list[object]]
) -> list[Split | float]:
    nodes: list[Split | float] = []
    for node in member.nodes:
        feature, left, right = places[node["feature_idx"]], int(node["left"]), int(node["right"])
        if node["is_leaf"]:
            nodes.append(float(node["value"]))
        elif not node["is_categorical"]:
            is_left = bool(node["missing_go_to_left"])
            nodes.append(Split(feature, left, right, float(node["num_threshold"]), is_default_left=is_left))
        else:
            words = member.raw_left_cat_bitsets[node["bitset_idx"]]
            sides = _sides(categories[feature], words)
            # What is unknown or missing must not be in the set, so the set is what goes to the other side.
            if node["missing_go_to_left"]:
                nodes.append(Split(feature, right, left, categories=sides[1]))
            else:
                nodes.append(Split(feature, left, right, categories=sides[0]))
    return nodes


def _sides(known: Sequence[object], words: npt.NDArray[np.uint32]) -> tuple[frozenset[int], frozenset[int]]:
    """Give the categories that go left and those that go right, as the model will read them."""
    left: set[int] = set()
    right: set[int] = set()
    for code, item in enumerate(known):
        side = left if int(words[code // 32]) >> (code % 32) & 1 else right
        side.add(item if isinstance(item, int) else code)
    return frozenset(left), frozenset(right)

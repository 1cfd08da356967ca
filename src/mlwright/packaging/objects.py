"""Fitted objects of libraries, as they are in the program that trained them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mlwright.packaging.boosters import convert_booster, kernel_answers
from mlwright.packaging.calibrated import is_calibrated
from mlwright.packaging.conversion import Conversion, InputShape, Tensors
from mlwright.packaging.estimator_trees import BOOSTERS, library_of
from mlwright.packaging.estimators import estimator_answers, trees_from_estimator
from mlwright.packaging.graph_run import Tensor
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.linear_estimators import is_linear
from mlwright.packaging.optional import integration
from mlwright.packaging.pipelines import convert_pipeline


def convert_object(fitted: object, inputs: Sequence[InputShape] = ()) -> Conversion:
    """Convert a fitted object. Raises `ModelUnsupported`, naming what has no exact conversion.

    `inputs` are the shapes that a PyTorch module does not tell.
    """
    kind = f"a {type(fitted).__name__}"
    if _is_module(fitted, "torch"):
        converted: Conversion = integration("torch", kind).convert_module(fitted, inputs)
        return converted
    if _is_module(fitted, "keras"):
        opened: Conversion = integration("tensorflow", kind).convert_model(fitted)
        return opened
    if library_of(fitted) in BOOSTERS:
        return convert_booster(fitted)
    model, answers = _kernel(fitted)
    return Conversion(model, answers, f"scikit-learn {_version('sklearn')}", kind)


def _kernel(fitted: Any) -> tuple[KernelModel, Callable[[Tensors], list[Tensor]]]:
    from sklearn.pipeline import Pipeline

    if isinstance(fitted, Pipeline) or is_linear(fitted) or is_calibrated(fitted):
        converted = convert_pipeline(fitted)
        return converted.model, converted.tensor_answers
    trees = trees_from_estimator(fitted)
    return trees, kernel_answers(partial(estimator_answers, fitted, trees))


def framework_of(fitted: object) -> str:
    """Name the library of an object as versions name it."""
    for library in ("torch", "keras"):
        if _is_module(fitted, library):
            return library
    library = library_of(fitted)
    return "scikit-learn" if library == "sklearn" else library


def _is_module(fitted: object, library: str) -> bool:
    """Tell whether any class of an object comes from a library; its own may come from anywhere."""
    return any(kind.__module__.partition(".")[0] == library for kind in type(fitted).__mro__)


def _version(library: str) -> str:
    return str(importlib.import_module(library).__version__)

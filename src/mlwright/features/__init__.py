"""Transforms: fitted feature code that travels in the model package and runs unchanged everywhere."""

from mlwright.features.document import (
    InputEntry,
    OutputEntry,
    TransformDocument,
    categorical_outputs,
    in_order,
    make_document,
    merge_documents,
    output_names,
)
from mlwright.features.fitted import FittedTransform, TrainingRows
from mlwright.features.matrix import NULL_CODE, NativeColumn, apply_transform, native_columns
from mlwright.features.pair import Pair
from mlwright.features.sentences import Memory
from mlwright.features.transform import fit_linear_transform, fit_numeric_transform, fit_tree_transform

__all__ = [
    "NULL_CODE",
    "FittedTransform",
    "InputEntry",
    "Memory",
    "NativeColumn",
    "OutputEntry",
    "Pair",
    "TrainingRows",
    "TransformDocument",
    "apply_transform",
    "categorical_outputs",
    "fit_linear_transform",
    "fit_numeric_transform",
    "fit_tree_transform",
    "in_order",
    "make_document",
    "merge_documents",
    "native_columns",
    "output_names",
]

"""Sources, column types and roles, the data contract, splits.

Names are loaded when they are first asked for: a run whose steps are all known reads digests only and must
not load a data frame library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from mlwright.data.column import ClassValue, Column, ColumnType
from mlwright.data.contract import ColumnContract, DataContract, LabelContract, read_contract, write_contract
from mlwright.data.files import digest_files, find_files
from mlwright.data.finding import Finding, Severity

if TYPE_CHECKING:
    from mlwright.data.arrival import KnownLabels, LabelsAt, labels_known_at, newest_moment
    from mlwright.data.conformity import conform, conform_columns, encode_target
    from mlwright.data.contract_check import check_days
    from mlwright.data.contract_inference import infer_contract
    from mlwright.data.fold import Fold, Folds, make_folds
    from mlwright.data.leakage import smell_label_copies
    from mlwright.data.roles import Roles, infer_roles, require_column
    from mlwright.data.source import FileSource, Source
    from mlwright.data.split import Split, split_rows
    from mlwright.data.table_check import inspect_table
    from mlwright.data.text_column import is_free_text

_PLACES = {
    "Fold": "fold",
    "Folds": "fold",
    "KnownLabels": "arrival",
    "LabelsAt": "arrival",
    "labels_known_at": "arrival",
    "make_folds": "fold",
    "newest_moment": "arrival",
    "FileSource": "source",
    "Roles": "roles",
    "Source": "source",
    "Split": "split",
    "check_days": "contract_check",
    "conform": "conformity",
    "conform_columns": "conformity",
    "encode_target": "conformity",
    "infer_contract": "contract_inference",
    "infer_roles": "roles",
    "inspect_table": "table_check",
    "is_free_text": "text_column",
    "require_column": "roles",
    "smell_label_copies": "leakage",
    "split_rows": "split",
}

__all__ = [
    "ClassValue",
    "Column",
    "ColumnContract",
    "ColumnType",
    "DataContract",
    "FileSource",
    "Finding",
    "Fold",
    "Folds",
    "KnownLabels",
    "LabelsAt",
    "LabelContract",
    "Roles",
    "Severity",
    "Source",
    "Split",
    "check_days",
    "conform",
    "conform_columns",
    "digest_files",
    "encode_target",
    "find_files",
    "infer_contract",
    "infer_roles",
    "inspect_table",
    "is_free_text",
    "labels_known_at",
    "make_folds",
    "newest_moment",
    "read_contract",
    "require_column",
    "smell_label_copies",
    "split_rows",
    "write_contract",
]


def __getattr__(name: str) -> object:
    """Load the module of a name that needs data frames."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)

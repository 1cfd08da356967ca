"""Sources, column types and roles, the data contract, splits.

Names are loaded when they are first asked for: a run whose steps are all known reads digests only and must
not load a data frame library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlwright.data.column import ClassValue, Column, ColumnType
from mlwright.data.contract import ColumnContract, DataContract, LabelContract, read_contract, write_contract
from mlwright.data.database_url import is_database_url, sqlite_file
from mlwright.data.files import DataFile, digest_files, find_files
from mlwright.data.finding import Finding, Severity
from mlwright.late import late_names

if TYPE_CHECKING:
    from mlwright.data.arrival import KnownLabels, LabelsAt, labels_known_at, newest_moment
    from mlwright.data.conformity import conform, conform_columns, encode_target
    from mlwright.data.contract_check import check_days
    from mlwright.data.contract_inference import infer_contract
    from mlwright.data.fold import Fold, Folds, make_folds
    from mlwright.data.leakage import smell_label_copies
    from mlwright.data.lists import is_gradable, number_lists
    from mlwright.data.roles import Roles, infer_roles, require_column
    from mlwright.data.source import FileSource, Source, open_source
    from mlwright.data.split import Split, split_rows
    from mlwright.data.table_check import inspect_table
    from mlwright.data.tables import read_table, same_kind
    from mlwright.data.text_column import is_free_text

__all__ = [
    "ClassValue",
    "Column",
    "ColumnContract",
    "ColumnType",
    "DataContract",
    "DataFile",
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
    "is_database_url",
    "is_free_text",
    "is_gradable",
    "labels_known_at",
    "make_folds",
    "newest_moment",
    "number_lists",
    "open_source",
    "read_contract",
    "read_table",
    "require_column",
    "same_kind",
    "smell_label_copies",
    "split_rows",
    "sqlite_file",
    "write_contract",
]

HOMES = {
    "arrival": "KnownLabels LabelsAt labels_known_at newest_moment",
    "conformity": "conform conform_columns encode_target",
    "contract_check": "check_days",
    "contract_inference": "infer_contract",
    "fold": "Fold Folds make_folds",
    "leakage": "smell_label_copies",
    "lists": "is_gradable number_lists",
    "roles": "Roles infer_roles require_column",
    "source": "FileSource Source open_source",
    "split": "Split split_rows",
    "table_check": "inspect_table",
    "tables": "read_table same_kind",
    "text_column": "is_free_text",
}

if not TYPE_CHECKING:  # a checker that saw this would believe in every name
    __getattr__ = late_names(__name__, HOMES)

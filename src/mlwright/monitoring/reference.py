"""What a version promised at its evaluation: classes, error rates, cells. Read from its package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reference:
    """The yardstick of one version.

    `quality` is what its evaluation counted at the packaged threshold, `cells` the counts of its training
    rows; both are empty for a model that was imported without data.
    """

    task: str
    classes: tuple[object, ...]
    positive: object
    quality: Mapping[str, float]
    columns: tuple[Mapping[str, object], ...]

    def class_of(self, label: object) -> int | None:
        """Give the index of a label among the classes, None when it is none of them.

        Values are compared first, then their text: a caller may send "1" where the data had 1.
        """
        for index, value in enumerate(self.classes):
            if type(value) is type(label) and value == label:
                return index
        text = _text(label)
        for index, value in enumerate(self.classes):
            if _text(value) == text:
                return index
        return None

    @property
    def positive_index(self) -> int | None:
        """Give the index of the positive class of a binary model."""
        return None if self.positive is None else self.class_of(self.positive)

    def is_wrong(self, prediction: float, label: object) -> bool | None:
        """Tell whether a prediction missed its label, None when the label cannot be compared.

        Regression: off by more than nine in ten rows of the evaluation were.
        """
        if self.task == "regression":
            bound = self.quality.get("error_quantile")
            if bound is None or isinstance(label, bool) or not isinstance(label, int | float):
                return None
            return abs(prediction - label) > bound
        found = self.class_of(label)
        return None if found is None else found != int(prediction)


def read_reference(package: Path) -> Reference:
    """Read the yardstick out of a package folder that the server has verified."""
    manifest = json.loads((package / "manifest.json").read_text(encoding="utf-8"))
    signature = manifest["signature"]
    path = package / "reference.json"
    cells = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return Reference(
        task=manifest["task"],
        classes=tuple(signature.get("classes") or ()),
        positive=signature.get("positive"),
        quality=cells.get("quality") or {},
        columns=tuple(
            column for column in cells.get("columns") or () if column["name"] not in _moments(signature)
        ),
    )


def _moments(signature: Mapping[str, Any]) -> set[str]:
    """Name the inputs that are moments: time always moves on, that is no drift."""
    return {item["name"] for item in signature.get("inputs", ()) if item.get("type") == "timestamp"}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)

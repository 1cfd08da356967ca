"""Packages of models that a test has fitted."""

from __future__ import annotations

from pathlib import Path

from mlwright.lifecycle.lowering import Lowered
from mlwright.packaging.kernel_content import kernel_content
from mlwright.packaging.kernel_model import KernelModel
from mlwright.packaging.package import publish_package
from mlwright.training.problem import Problem


def published(lowered: Lowered, of: Problem, folder: Path) -> Path:
    """Write the package of a lowered model; give its folder."""
    model = KernelModel(
        data=lowered.model,
        columns=of.inputs,
        outputs=of.outputs,
        task=of.task,
        is_named=True,
        engine=lowered.engine,
        transform=lowered.transform,
    )
    return folder / publish_package(folder, kernel_content(model, "m", "fitted by a test"))

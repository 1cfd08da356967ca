"""Steps ordered by their data; a step whose inputs have not changed is not run again."""

from mlwright.pipeline.progress import Progress, Silent
from mlwright.pipeline.runner import PipelineResult, StepRecord, known_steps, run_pipeline
from mlwright.pipeline.source_code import code_digest
from mlwright.pipeline.step import Blob, Context, Step, StepFunction, Value, Values

__all__ = [
    "Blob",
    "Context",
    "PipelineResult",
    "Progress",
    "Silent",
    "Step",
    "StepFunction",
    "StepRecord",
    "Value",
    "Values",
    "code_digest",
    "known_steps",
    "run_pipeline",
]

"""The one tree of failures: every leaf has a stable dotted code and a hint that names a way out."""

from __future__ import annotations

from typing import ClassVar


class MlwrightError(Exception):
    """A failure that a person or a program can act on.

    `code` is stable and dotted; `hint` names a command or a setting; `facts` are the values behind the
    message, for machines.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str, **facts: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.facts = facts


class UsageError(MlwrightError):
    """The command line or a call asks for something that cannot be meant."""

    code = "usage"


class ConfigError(MlwrightError):
    """`mlwright.toml` says something that mlwright cannot read."""

    code = "config.invalid"


class ProjectNotFound(MlwrightError):
    """No `mlwright.toml` here."""

    code = "project.not-found"


class ProjectExists(MlwrightError):
    """The folder that `init` should make is there already."""

    code = "project.exists"


class StoreError(MlwrightError):
    """The project's database or blobs cannot be used."""

    code = "store.unusable"


class StoreNewer(StoreError):
    """The database was written by a newer mlwright."""

    code = "store.newer"


class Locked(MlwrightError):
    """Another process holds what this one needs."""

    code = "store.locked"


class DataError(MlwrightError):
    """Something about rows or columns."""

    code = "data.invalid"


class SourceUnreadable(DataError):
    """The data file is missing or not in a format that mlwright reads."""

    code = "data.unreadable"


class ColumnMissing(DataError):
    """A column that the config names is not in the data."""

    code = "data.column-missing"


class ColumnRepeated(DataError):
    """Several columns of a table have the same name."""

    code = "data.column-repeated"


class LabelUnusable(DataError):
    """The label cannot be learned: one value only, all null, or too many classes."""

    code = "data.label-unusable"


class TimeUnusable(DataError):
    """A column cannot say when a row, or its label, was known."""

    code = "data.time-unusable"


class ContractBroken(DataError):
    """Rows break the data contract."""

    code = "data.contract-broken"


class TooFewRows(DataError):
    """Not enough rows to split, train or judge."""

    code = "data.too-few-rows"


class StepFailed(MlwrightError):
    """A step broke in a way that nobody foresaw; the cause is chained."""

    code = "pipeline.step-failed"


class TrainingError(MlwrightError):
    """Fitting failed."""

    code = "training.failed"


class TrainerUnknown(TrainingError):
    """The config names a trainer that is not installed."""

    code = "training.trainer-unknown"


class TrainerFailed(TrainingError):
    """Training code of one's own raised, ended, or returned nothing that can be used."""

    code = "training.trainer-failed"


class TrainerTooSlow(TrainingError):
    """Training code of one's own used more time than it had, and was ended."""

    code = "training.trainer-too-slow"


class PackageError(MlwrightError):
    """A model package is not what its name says."""

    code = "package.invalid"


class PackageCorrupt(PackageError):
    """The bytes of a package differ from its manifest."""

    code = "package.corrupt"


class ModelUnsupported(PackageError):
    """A model uses something that cannot be reproduced exactly."""

    code = "package.unsupported-model"


class ModelDamaged(ModelUnsupported):
    """A model file ends early, or holds what its format does not."""

    code = "package.model-damaged"


class LibraryMismatch(ModelUnsupported):
    """A model file needs a library, a module or a version that its interpreter does not have."""

    code = "package.library-mismatch"


class ImportTooLong(ModelUnsupported):
    """The process that opened a model file took longer than it may."""

    code = "package.import-too-long"


class ModelUntrusted(PackageError):
    """A model file is a program, and nobody said to trust it."""

    code = "package.untrusted-model"


class ParityFailed(PackageError):
    """The packaged model answers differently from the trained one."""

    code = "package.parity"


class ModelUnknown(MlwrightError):
    """No such model, version or alias."""

    code = "model.unknown"


class ReportMissing(MlwrightError):
    """A version has no report in this project."""

    code = "model.report-missing"


class ReferenceInvalid(UsageError):
    """A model reference is not of the form name@version or name@alias."""

    code = "model.reference-invalid"


class DeploymentUnknown(MlwrightError):
    """No such deployment in the config."""

    code = "deployment.unknown"


class NothingToServe(MlwrightError):
    """There is no version that a deployment could run."""

    code = "deployment.nothing-to-serve"


class NothingToRollBack(MlwrightError):
    """There is no earlier champion and no rollout under way."""

    code = "deployment.nothing-to-roll-back"


class RolloutUnderWay(MlwrightError):
    """A rollout is running already."""

    code = "deployment.rollout-under-way"


class VersionBlocked(MlwrightError):
    """A version has findings that stop its promotion."""

    code = "deployment.version-blocked"


class RolloutUnknown(MlwrightError):
    """No rollout is under way."""

    code = "deployment.no-rollout"


class ServerError(MlwrightError):
    """The server could not be started or reached."""

    code = "serving.failed"


class ServerRefused(ServerError):
    """The server answered that it could not apply the deployment document."""

    code = "serving.refused"


class BindRefused(ServerError):
    """The address would expose the service without protection."""

    code = "serving.bind-refused"


class AlreadyUp(ServerError):
    """Another `mlwright up` runs on this project."""

    code = "serving.already-up"


class BenchRefused(ServerError):
    """The first request of a load was not answered as it should be, so nothing was measured."""

    code = "bench.refused"


class LabelsInvalid(DataError):
    """A label file lacks `id` or `label`, or holds ids that no prediction can have."""

    code = "data.labels-invalid"

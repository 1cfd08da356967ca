"""The whole of `mlwright.toml` as records; each field's metadata is its line in the reference."""

from __future__ import annotations

from typing import Literal, TypeAlias

from mlwright.record import Record, field

Task: TypeAlias = Literal["binary", "multiclass", "regression"]
MetricName: TypeAlias = Literal[
    "auc", "average_precision", "log_loss", "accuracy", "rmse", "mae", "r2", "poisson_deviance", "ndcg"
]
SUITABLE: dict[Task, tuple[MetricName, ...]] = {
    "binary": ("average_precision", "auc", "log_loss", "accuracy", "ndcg"),
    "multiclass": ("accuracy", "log_loss", "auc", "average_precision"),
    "regression": ("ndcg", "poisson_deviance", "rmse", "mae", "r2"),
}
Objective: TypeAlias = Literal["auto", "squared", "poisson", "rank"]
CheckName: TypeAlias = Literal[
    "leak",
    "copies",
    "entities",
    "ladder",
    "overfit",
    "calibration",
    "threshold",
    "extrapolation",
    "missing",
    "slices",
    "fairness",
]
Scalar: TypeAlias = str | int | float | bool


def doc(text: str) -> dict[str, str]:
    """Carry a field's one-line explanation into the generated reference."""
    return {"doc": text}


class ProjectConfig(Record):
    """What the problem is called and what is predicted."""

    name: str = field(metadata=doc("name of the project and of its model"))
    task: Task = field(default="binary", metadata=doc("what is predicted"))
    template: Literal["fraud", "tabular"] = field(
        default="tabular", metadata=doc("which defaults `init` chose")
    )


class SplitConfig(Record):
    """How the held-out rows are chosen."""

    by: str = field(
        default="random", metadata=doc('time column (the future is held out), group column, or "random"')
    )
    test_share: float = field(default=0.2, metadata=doc("share of rows held out, 0..1"))
    test_days: float | None = field(
        default=None, metadata=doc("hold out the last days instead of a share (time only)")
    )


class DataConfig(Record):
    """Where the rows come from and what their columns mean."""

    source: str | tuple[str, ...] = field(
        default=(),
        metadata=doc(
            "a file, a folder, a glob or a list of them (Parquet, CSV, Arrow), relative to the project;"
            " or the URL of a database, `env:NAME` where the environment holds it"
        ),
    )
    sql: str | None = field(
        default=None, metadata=doc("query that gives the rows, when the source is a database")
    )
    label: str | None = field(default=None, metadata=doc("column to predict"))
    positive: Scalar | None = field(
        default=None, metadata=doc("value of the label that counts as positive (binary)")
    )
    time: str | None = field(default=None, metadata=doc("column that says when a row was known"))
    group: str | None = field(default=None, metadata=doc("column whose rows stay on one side of a split"))
    query: str | None = field(
        default=None,
        metadata=doc("column that names the list in which a row is ranked; rows of a list stay together"),
    )
    ignore: tuple[str, ...] = field(default=(), metadata=doc("columns that are never features"))
    id: str | None = field(default=None, metadata=doc("column that names rows, one each; never a feature"))
    sensitive: tuple[str, ...] = field(
        default=(), metadata=doc("columns between whose values results are compared; features unless ignored")
    )
    weight: str | None = field(default=None, metadata=doc("column that says how much a row counts"))
    label_time: str | None = field(
        default=None,
        metadata=doc("column that says when the label became known; folds train on what was known then"),
    )
    split: SplitConfig = field(default=SplitConfig(), metadata=doc("how the held-out rows are chosen"))
    label_delay_days: float = field(
        default=0.0, metadata=doc("longest wait for a label; gap between training and held-out rows")
    )
    unlabelled: Literal["drop", "negative"] = field(
        default="drop", metadata=doc("what a served row without a label yet counts as in training")
    )
    learn_from_log: bool = field(
        default=True, metadata=doc("add served rows joined with their labels to the training rows")
    )
    on_bad_day: Literal["quarantine", "fail"] = field(
        default="quarantine", metadata=doc("what happens to a day that breaks the data contract")
    )

    @property
    def unread(self) -> tuple[str, ...]:
        """Name the columns that no model reads, beside label and group."""
        named = (*self.ignore, self.id, self.weight, self.label_time, self.query)
        return tuple(name for name in named if name is not None)


class TrainingConfig(Record):
    """How the model is fitted."""

    trainer: str = field(
        default="portfolio",
        metadata=doc(
            "`portfolio`: boosters, a forest, a small network and a linear model, raced and blended; a "
            "network by `torch`, `keras`, `torch-text` or `keras-text`; or code of your own as "
            "`package.module:function`"
        ),
    )
    budget_cpu_s: float = field(default=60.0, metadata=doc("CPU seconds of a whole run"))
    trials: int | None = field(
        default=None,
        metadata=doc("try that many candidates and look at no clock: equal runs give equal bytes"),
    )
    seed: int = field(default=7, metadata=doc("seed of everything random"))
    metric: MetricName = field(default="auc", metadata=doc("what decides between models"))
    refit_full: bool = field(
        default=True,
        metadata=doc(
            "after the model is judged, let the same settings learn the held-out rows too, where those are "
            "not the latest; the version is judged by the model that had not seen them"
        ),
    )
    objective: Objective = field(
        default="auto",
        metadata=doc(
            "regression: squared errors, `poisson` for counts, or `rank` for the order within the lists of "
            "`query`; `auto` goes by the metric"
        ),
    )
    threshold: float | Literal["best_f1", "cost", "capacity"] = field(
        default=0.5,
        metadata=doc("score from which a row is positive (binary), or what it should make best"),
    )
    cost_missed: float = field(default=1.0, metadata=doc('cost of a missed positive (threshold "cost")'))
    cost_false_alarm: float = field(default=1.0, metadata=doc('cost of a false alarm (threshold "cost")'))
    alert_share: float = field(
        default=0.01, metadata=doc('share of rows that can be looked at (threshold "capacity"), 0..1')
    )


class ChecksConfig(Record):
    """Which findings of the checks are known and accepted."""

    accept: tuple[str, ...] = field(
        default=(), metadata=doc("findings that no longer stop a promotion, as name:column")
    )
    off: tuple[CheckName, ...] = field(default=(), metadata=doc("names of checks that are not run"))


class GateConfig(Record):
    """A question put to a new version before it may be registered as passing."""

    metric: MetricName = field(metadata=doc("metric on the held-out rows"))
    at_least: float | None = field(default=None, metadata=doc("lower bound (scores)"))
    at_most: float | None = field(default=None, metadata=doc("upper bound (losses)"))
    no_worse_than: Literal["champion"] | None = field(
        default=None, metadata=doc("compare with the champion on the same rows")
    )
    tolerance: float = field(default=0.01, metadata=doc("absolute margin of `no_worse_than`"))


class MonitorConfig(Record):
    """A gate asked again and again over the prediction log."""

    kind: Literal["quality", "drift"] = field(metadata=doc("label evidence, or counters of inputs"))
    false_alarms_per: float = field(
        default=100_000.0, metadata=doc("quality: labels between two false alarms, on average, at least")
    )
    tolerance: float = field(
        default=1.25, metadata=doc("quality: tolerated ratio to the error rate at evaluation")
    )
    tolerance_sigma: float = field(default=0.1, metadata=doc("drift: tolerated shift of a column, in sigma"))


class TriggerConfig(Record):
    """A rule that starts a run."""

    on: Literal["alert", "clock", "data"] = field(metadata=doc("what starts a run"))
    monitor: str | None = field(default=None, metadata=doc("alert: the monitor to listen to"))
    every_hours: float = field(default=168.0, metadata=doc("clock: hours between runs"))
    cooldown_minutes: float = field(
        default=60.0, metadata=doc("least minutes between two runs of this trigger")
    )


class RolloutConfig(Record):
    """How a candidate gets traffic, and what stops it."""

    steps: tuple[float, ...] = field(default=(5.0, 25.0, 50.0), metadata=doc("candidate shares in percent"))
    hold_minutes: float = field(default=10.0, metadata=doc("least minutes at each step"))
    min_requests: int = field(default=500, metadata=doc("candidate predictions needed at each step"))
    min_labels: int = field(default=50, metadata=doc("labelled candidate predictions needed to promote"))
    false_rollback: float = field(
        default=0.01, metadata=doc("chance that a candidate that is no worse is rolled back")
    )
    tolerate_ratio: float = field(
        default=1.05,
        metadata=doc("bad events of the candidate per bad event of the champion that are tolerated"),
    )
    gates: tuple[Literal["errors", "labels"], ...] = field(
        default=("errors", "labels"), metadata=doc("evidence that can roll back")
    )


class DeploymentConfig(Record):
    """A named live endpoint."""

    model: str = field(metadata=doc("which version it serves, as name@alias"))
    target: Literal["local"] = field(default="local", metadata=doc("where it runs"))
    unit: str | None = field(
        default=None, metadata=doc("column that keeps a caller on one variant when the request names no unit")
    )
    mirror_to: str | None = field(
        default=None,
        metadata=doc("deployment that is shown the same requests in shadow; its answers reach no caller"),
    )
    mirror_share: float = field(default=1.0, metadata=doc("share of units that is mirrored, 0..1"))
    cache_entries: int = field(
        default=0, metadata=doc("answers kept for callers that ask exactly the same again; 0 keeps none")
    )
    rollout: RolloutConfig = field(default=RolloutConfig(), metadata=doc("how a candidate gets traffic"))


class ServingConfig(Record):
    """The server and the control loop."""

    host: str = field(default="127.0.0.1", metadata=doc("address to listen on"))
    port: int = field(default=8080, metadata=doc("port for predictions; 0 takes any free one"))
    admin_port: int = field(default=0, metadata=doc("port of the admin listener; 0 takes any free one"))
    grpc_port: int | None = field(
        default=None, metadata=doc("port for gRPC; 0 takes any free one, without it there is no gRPC")
    )
    workers: int = field(default=0, metadata=doc("threads; 0 is one per core"))
    access_log: bool = field(default=False, metadata=doc("one line of JSON per request in server.log"))
    tls_certificate: str | None = field(
        default=None, metadata=doc("PEM file with the certificate; needs `tls_key` too")
    )
    tls_key: str | None = field(default=None, metadata=doc("PEM file with the key of the certificate"))
    log_inputs: bool = field(default=True, metadata=doc("keep the rows of requests in the prediction log"))
    tick_seconds: float = field(default=1.0, metadata=doc("how often the control loop looks"))


class Config(Record):
    """One project's settings."""

    project: ProjectConfig
    data: DataConfig = DataConfig()
    training: TrainingConfig = TrainingConfig()
    checks: ChecksConfig = ChecksConfig()
    gates: dict[str, GateConfig] = field(default_factory=dict)
    monitors: dict[str, MonitorConfig] = field(default_factory=dict)
    triggers: dict[str, TriggerConfig] = field(default_factory=dict)
    deployment: dict[str, DeploymentConfig] = field(default_factory=dict)
    serving: ServingConfig = ServingConfig()

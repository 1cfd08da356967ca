"""mlwright: from a table to a live, watched, self-renewing model service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack, overload

from mlwright._version import __version__
from mlwright.errors import MlwrightError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl

    from mlwright.commands.init import InitResult
    from mlwright.commands.model_export import ModelExportResult
    from mlwright.commands.model_import import ModelImportResult
    from mlwright.commands.run import RunResult

__all__ = ["MlwrightError", "__version__", "export_model", "import_model", "init", "predict", "run"]

Table = TypeVar("Table")


class Roles(TypedDict, total=False):
    """What `init` may be told of the columns; what is not said is guessed, "none" says that there is none."""

    time: str
    group: str
    query: str
    weight: str
    id: str
    label_time: str
    ignore: Sequence[str]
    sensitive: Sequence[str]
    positive: str
    task: Any
    template: Any


def init(
    name: str,
    data: object,
    label: str,
    *,
    folder: str | Path = ".",
    sql: str | None = None,
    **roles: Unpack[Roles],
) -> InitResult:
    """Make a project from a table, in a folder of its name; say what was assumed.

    `data` is the name of a file, a folder or a database (then with `sql`), a list of files, or a pandas,
    Polars or Arrow table, which is kept in the project as `data/train.parquet`. Raises `MlwrightError`.

    >>> import polars as pl, tempfile
    >>> table = pl.DataFrame({"x": range(100), "left": ["yes", "no"] * 50})
    >>> result = init("churn", table, "left", folder=tempfile.mkdtemp(), positive="yes")
    >>> result.task, [(column.name, column.role) for column in result.columns]
    ('binary', [('x', 'input'), ('left', 'label')])
    """
    from pathlib import Path

    from mlwright.commands.init import InitRequest
    from mlwright.commands.init import init as make

    given: dict[str, Any] = {**roles}
    for several in ("ignore", "sensitive"):
        if several in given:
            given[several] = tuple(given[several])
    if isinstance(data, str | Path):
        given["data"] = (str(data),)
    elif isinstance(data, list | tuple):
        given["data"] = tuple(str(item) for item in data)
    else:
        from mlwright.data import read_table

        given["frame"] = read_table(data)
    return make(InitRequest(name, Path(folder), label=label, sql=sql, **given))


def run(
    project: str | Path = ".",
    *,
    budget_cpu_s: float | None = None,
    trials: int | None = None,
    seed: int | None = None,
    reason: str = "asked for",
) -> RunResult:
    """Validate, train, evaluate, gate, package and register a version, as `mlwright run` does.

    What is not said is as in the project's settings. The answer of the gates is a value: look at `verdict`.
    Raises `MlwrightError`.

    >>> result = run("churn", budget_cpu_s=60)  # doctest: +SKIP
    >>> result.reference, result.verdict, result.metrics["auc"]["value"]  # doctest: +SKIP
    ('churn@1', 'pass', 0.84)
    """
    from pathlib import Path

    from mlwright.commands.run import RunRequest
    from mlwright.commands.run import run as run_recipe
    from mlwright.pipeline import Silent

    request = RunRequest(Path(project), budget_cpu_s, seed, trials, reason=reason, actor="python")
    return run_recipe(request, Silent())


@overload
def predict(
    model: str, data: str | Path, *, project: str | Path = ".", sql: str | None = None
) -> pl.DataFrame: ...
@overload
def predict(model: str, data: Table, *, project: str | Path = ".", sql: str | None = None) -> Table: ...
def predict(model: str, data: object, *, project: str | Path = ".", sql: str | None = None) -> object:
    """Predict a table: a row of `prediction`, with `score` or `score_<class>`, for each of its rows.

    The answer is of the kind that `data` is, with its index: pandas for pandas, Arrow for Arrow; a file or a
    query gives a Polars frame. Raises `MlwrightError`.

    >>> predict("churn@latest", customers, project="churn").columns  # doctest: +SKIP
    ['prediction', 'score']
    """
    from pathlib import Path

    from mlwright.commands.predict import predict_frame
    from mlwright.data import open_source, read_table, same_kind

    if isinstance(data, str | Path):
        return predict_frame(Path(project), model, open_source(Path.cwd(), str(data), sql).read())
    return same_kind(predict_frame(Path(project), model, read_table(data)), data)


def export_model(reference: str, out: str | Path, *, project: str | Path = ".") -> ModelExportResult:
    """Write a version as one ONNX graph, raw columns in and answers out, for servers of others.

    Nothing is written unless the graph answers as the package on thousands of rows. Raises `MlwrightError`.

    >>> result = mlwright.export_model("churn@latest", "churn.onnx")  # doctest: +SKIP
    >>> result.largest_difference, result.label_flips  # doctest: +SKIP
    (2.2e-16, 0)
    """
    from pathlib import Path

    from mlwright.commands.model_export import ModelExportRequest, model_export

    return model_export(ModelExportRequest(Path(project), reference, Path(out)))


def import_model(
    source: object,
    *,
    name: str | None = None,
    project: str | Path = ".",
    inputs: Sequence[str] = (),
    data: str | Path | None = None,
    trust: bool = False,
) -> ModelImportResult:
    """Register a fitted object, or a file of a model, as a version of a project's model.

    It is converted to data and held to its library's own answers on thousands of rows; nothing is pickled.
    Without a name the project's is used. `inputs` are the shapes that a PyTorch module does not tell; `data`
    is a table of real rows that are asked too; `trust` lets a file be opened that is a program. Raises
    `MlwrightError`.

    >>> result = mlwright.import_model(forest, name="churn")  # doctest: +SKIP
    >>> result.reference  # doctest: +SKIP
    'churn@1'
    """
    from pathlib import Path

    from mlwright.commands.model_import import ModelImportRequest, model_import

    what = Path(source) if isinstance(source, str) else source
    return model_import(
        ModelImportRequest(
            Path(project),
            what,
            None,
            name,
            is_trusted=trust,
            inputs=tuple(inputs),
            data=None if data is None else Path(data),
        )
    )

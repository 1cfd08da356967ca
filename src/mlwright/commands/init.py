"""Make a project from a table: infer, write the settings and the data contract, say what was assumed."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from mlwright.commands.first_config import FirstChoices, Template, empty_config, first_config
from mlwright.errors import ContractBroken, ProjectExists, UsageError
from mlwright.project import Task, load_config
from mlwright.store import write_atomic

if TYPE_CHECKING:
    import polars as pl

    from mlwright.data import DataContract, Roles

NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
UNIT_NAME = re.compile(
    r"(^|_)(customer|client|user|account|member|card|cardholder|household|patient|device)s?(_?(id|no|key|number))?$"
)
OWN_DATA = "data/train.parquet"  # where a table goes that is no file yet

Role: TypeAlias = Literal["label", "time", "group", "weight", "id", "label_time", "input", "ignored"]


@dataclass(frozen=True)
class InitRequest:
    """What to make, and what is known about the table; a `frame` is written into the project."""

    name: str
    parent: Path
    data: tuple[str, ...] = ()
    frame: pl.DataFrame | None = None
    sql: str | None = None
    label: str | None = None
    time: str | None = None
    group: str | None = None
    query: str | None = None
    ignore: tuple[str, ...] = ()
    weight: str | None = None
    id: str | None = None
    label_time: str | None = None
    sensitive: tuple[str, ...] = ()
    positive: str | None = None
    task: Task | None = None
    template: Template = "tabular"
    empty: bool = False


@dataclass(frozen=True)
class ColumnRole:
    """What a column is for; `reason` says why it was guessed to be so, or why it is ignored."""

    name: str
    type: str
    role: Role
    reason: str | None = None
    is_sensitive: bool = False
    is_text: bool = False


@dataclass(frozen=True)
class InitResult:
    """What was made, and what had to be assumed or could not be known."""

    root: Path
    task: Task
    label: str | None = None
    positive: str | int | float | bool | None = None
    rows: int = 0
    columns: tuple[ColumnRole, ...] = ()
    assumed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    next_steps: tuple[str, ...] = ()


def init(request: InitRequest) -> InitResult:
    """Make the folder of a project, whole or not at all.

    Raises `ProjectExists`, `UsageError`, and for a table that cannot be learned from `SourceUnreadable`,
    `ColumnMissing`, `LabelUnusable` or `TooFewRows`.
    """
    root = _free_folder(request)
    if request.empty:
        return _init_empty(request, root)
    return _init_from_table(request, root, _check_wishes(request))


def _free_folder(request: InitRequest) -> Path:
    if not NAME_FORM.fullmatch(request.name):
        raise UsageError(
            f"{request.name!r} cannot name a project",
            hint="use letters, digits, `-` and `_`, beginning with a letter or digit",
        )
    root = request.parent.resolve() / request.name
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ProjectExists(
            f"{str(root)!r} is there already and not empty", hint="choose another name, or another folder"
        )
    return root


def _check_wishes(request: InitRequest) -> str:
    if not (request.data or request.frame is not None) or request.label is None:
        raise UsageError(
            "a project from a table needs --data and --label",
            hint=f"`mlwright init {request.name} --data FILE --label COLUMN`, or --empty for imported models",
        )
    return request.label


def _init_empty(request: InitRequest, root: Path) -> InitResult:
    if request.data or request.frame is not None or request.label is not None:
        raise UsageError(
            "--empty makes a project without data", hint="leave out --empty, or leave out --data and --label"
        )
    task = request.task or "binary"
    files = _write(root, {"mlwright.toml": empty_config(request.name, task).encode()})
    steps = (f"cd {request.name}", f"mlwright model import FILE --name {request.name}", "mlwright up")
    return InitResult(root, task, files=files, next_steps=steps)


def _init_from_table(request: InitRequest, root: Path, label: str) -> InitResult:
    from mlwright.data import infer_contract, infer_roles, inspect_table, open_source, write_contract
    from mlwright.data.database_url import require_no_password

    frame = request.frame
    if frame is None:
        for name in request.data:
            require_no_password(name)
        frame = open_source(Path.cwd(), request.data, request.sql).read()
    rows = _labelled(frame, request, label)
    roles = infer_roles(
        rows,
        label=label,
        time=request.time,
        group=request.group or request.query,
        ignore=request.ignore,
        weight=request.weight,
        id=request.id,
        label_time=request.label_time,
        sensitive=request.sensitive,
        task=request.task or _ranked_task(rows, label, request.query),
        positive=request.positive,
    )
    odd = [finding.text + "." for finding in inspect_table(frame, roles.types, key=roles.id)]
    contract = infer_contract(rows, roles)
    chosen = _choose(request, rows, roles, root)
    texts = {
        "contract.json": write_contract(contract).encode(),
        "mlwright.toml": first_config(chosen).encode(),
    }
    if request.frame is not None:
        texts[OWN_DATA] = _parquet(frame)
    return InitResult(
        root=root,
        task=roles.task,
        label=label,
        positive=roles.positive,
        rows=frame.height,
        columns=_columns(rows, roles),
        assumed=(*roles.assumed, *_assumed(chosen)),
        unknown=tuple(roles.unknown),
        warnings=(*roles.warnings, *odd, *_broken_days(frame, contract)),
        files=_write(root, texts),
        next_steps=(f"cd {request.name}", "mlwright run", "mlwright up"),
    )


def _labelled(frame: pl.DataFrame, request: InitRequest, label: str) -> pl.DataFrame:
    """Leave out rows without a label, which no run learns from unless labels arrive later."""
    import polars as pl

    if label not in frame.columns or request.label_time is not None:
        return frame
    known = frame.filter(pl.col(label).is_not_null())
    return known if known.height else frame


def _choose(request: InitRequest, frame: pl.DataFrame, roles: Roles, root: Path) -> FirstChoices:
    wishes = {"task": request.task, "positive": request.positive}
    return FirstChoices(
        name=request.name,
        task=roles.task,
        template=request.template,
        source=tuple(_source_text(name, root) for name in request.data) or (OWN_DATA,),
        sql=request.sql,
        label=roles.label,
        positive=roles.positive,
        shares=_shares(frame, roles),
        rows=frame.height,
        time=roles.time,
        group=roles.group,
        weight=roles.weight,
        id=roles.id,
        label_time=roles.label_time,
        sensitive=roles.sensitive,
        guessed=roles.guessed,
        delay_days=_delay_days(frame, roles),
        ignored={name: why for name, why in roles.ignored.items() if name not in _named(roles)},
        unit=roles.group or _unit(frame, roles),
        is_count=roles.is_count,
        unordered=_unordered(frame, roles, request.query),
        query=request.query,
        given=frozenset(name for name, value in wishes.items() if value is not None),
    )


def _source_text(name: str, root: Path) -> str:
    """Write a source so that it is found from the project: relative inside of it, absolute elsewhere."""
    from mlwright.data.database_url import SQLITE, is_database_url, sqlite_file

    if is_database_url(name):
        return SQLITE + _source_text(str(sqlite_file(name)), root) if name.startswith(SQLITE) else name
    path = Path(name).expanduser().absolute()
    path = path.resolve() if path.exists() else path
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _ranked_task(frame: pl.DataFrame, label: str, query: str | None) -> Task | None:
    """Give the task of a label that grades rows of lists: it is a number, however few values it has."""
    from mlwright.data import is_gradable

    if query is None or label not in frame.columns or not frame[label].dtype.is_numeric():
        return None
    return "regression" if is_gradable(frame[label]) else None


def _unordered(frame: pl.DataFrame, roles: Roles, query: str | None) -> float | None:
    """Give the NDCG that no order has, where the order within lists is to be learned."""
    import numpy as np

    from mlwright.data import is_gradable, number_lists
    from mlwright.data.column_type import convert
    from mlwright.evaluation.ranking import judged_lists

    if query is None or roles.task != "regression":
        return None
    labels = convert(frame[roles.label], "number")
    lists = number_lists(frame, query)
    if lists is None or not is_gradable(labels):
        return None
    known = labels.is_not_null() & labels.is_finite()
    y = labels.filter(known).to_numpy()
    _, each = judged_lists(y, np.zeros(len(y)), lists[known.to_numpy()])
    judged = each[np.isfinite(each)]
    return float(judged.mean()) if len(judged) else None


def _shares(frame: pl.DataFrame, roles: Roles) -> tuple[float, ...]:
    import numpy as np

    from mlwright.data import encode_target

    if not roles.classes:
        return ()
    codes = encode_target(frame[roles.label], roles.classes)
    known = codes[~np.isnan(codes)].astype(np.int64)
    counts = np.bincount(known, minlength=len(roles.classes))
    return tuple(float(count) / len(known) for count in counts)


def _unit(frame: pl.DataFrame, roles: Roles) -> str | None:
    """Find a column that names who a row is about, with several rows each."""
    for name, kind in roles.types.items():
        if name != roles.label and kind in {"string", "integer"} and UNIT_NAME.search(name.lower()):
            values = frame[name].drop_nulls()
            if 100 < values.n_unique() < 0.9 * len(values):
                return name
    return None


def _assumed(chosen: FirstChoices) -> list[str]:
    metric, bound, why = chosen.gate
    said = [
        *_assumed_objective(chosen),
        f"Models are compared by {chosen.metric}.",
        f"The gate asks for {metric} of at least {bound:g}: {why}.",
        _when_known(chosen),
    ]
    if chosen.unit is not None and chosen.unit != chosen.group:
        said.append(f"{chosen.unit!r} keeps a caller on one variant during a rollout.")
    return said


def _assumed_objective(chosen: FirstChoices) -> list[str]:
    if chosen.unordered is not None:
        return [
            f"{chosen.label!r} says how relevant a row is in its list of {chosen.query!r}: the order within "
            "lists is learned (objective rank), and a prediction is a score to sort by. Pass --task binary "
            "or --task multiclass for probabilities of its values."
        ]
    if chosen.is_count:
        return [f"{chosen.label!r} counts something: its rate is learned (objective poisson)."]
    return []


def _when_known(chosen: FirstChoices) -> str:
    if not chosen.delay_days:
        return "Labels are known at once (label_delay_days = 0)."
    return f"99 of 100 labels are known within {chosen.delay_days:g} days (label_delay_days)."


def _broken_days(frame: pl.DataFrame, contract: DataContract) -> list[str]:
    """Say which rows of the table a run will leave out."""
    from mlwright.data import check_days

    if contract.time is None:  # one day, which the contract was made from: only its labels can be missing
        contract = replace(contract, columns=())
    try:
        findings = check_days(frame, contract, on_bad_day="quarantine")[1]
    except ContractBroken as problem:
        return [f"The days of this table differ too much for day checks: {problem.message}."]
    days = [finding for finding in findings if finding.name == "contract.day"]
    said = [f"{finding.text}." for finding in findings if finding.name != "contract.day"]
    if days:
        said.insert(0, f"{len(days)} days look broken and will be left out, first {days[0].text}.")
    return said


def _named(roles: Roles) -> dict[str | None, Role]:
    """Give the role of each column that has one of its own."""
    return {
        roles.id: "id",
        roles.weight: "weight",
        roles.group: "group",
        roles.label_time: "label_time",
        roles.time: "time",
        roles.label: "label",
    }


def _columns(frame: pl.DataFrame, roles: Roles) -> tuple[ColumnRole, ...]:
    named = _named(roles)
    found = []
    for name, dtype in frame.schema.items():
        role: Role = named.get(name) or ("ignored" if name in roles.ignored else "input")
        found.append(
            ColumnRole(
                name,
                roles.types.get(name) or str(dtype).lower(),
                role,
                roles.guessed.get(name, roles.ignored.get(name)),
                is_sensitive=name in roles.sensitive,
                is_text=name in roles.text,
            )
        )
    return tuple(found)


def _delay_days(frame: pl.DataFrame, roles: Roles) -> float:
    """Give the days within which 99 of 100 labels arrived; 0 when nothing tells when."""
    from mlwright.data.column_type import convert

    if roles.time is None or roles.label_time is None or roles.types[roles.time] != "timestamp":
        return 0.0
    told, born = convert(frame[roles.label_time], "timestamp"), convert(frame[roles.time], "timestamp")
    waits = (told - born).dt.total_seconds().drop_nulls()
    return round(max(float(waits.quantile(0.99) or 0.0), 0.0) / 86_400, 2)


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def _write(root: Path, files: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write all files beside the place, prove that the settings can be read, then move the folder there."""
    root.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=root.parent, prefix=f".{root.name}."))
    try:
        for name, content in files.items():
            write_atomic(staged / name, content)
        load_config(staged / "mlwright.toml")
        staged.chmod(0o755)
        staged.rename(root)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return tuple(root / name for name in files)

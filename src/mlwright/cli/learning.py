"""Render the commands that make and look at models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mlwright.cli.command import Arguments
from mlwright.cli.output import Output, table
from mlwright.cli.progress_bar import ProgressBar
from mlwright.registry import AliasMove

DONE, REFUSED = 0, 3
MOST_NAMED = 8  # columns in a line
ISOLATION = {
    "namespace": "opened in a process without network",
    "python": "opened in a process whose Python refuses sockets; this kernel allows no better separation",
}


def init(args: Arguments, out: Output) -> int:
    """Make a project and say what was assumed and what cannot be known."""
    from mlwright.commands.init import InitRequest, InitResult
    from mlwright.commands.init import init as make

    result: InitResult = make(
        InitRequest(
            name=args.name,
            parent=args.project,
            data=tuple(args.data or ()),
            sql=args.sql,
            label=args.label,
            time=args.time,
            group=args.group,
            query=args.query,
            ignore=tuple(args.ignore or ()),
            weight=args.weight,
            id=args.id,
            label_time=args.label_time,
            sensitive=tuple(args.sensitive or ()),
            positive=args.positive,
            task=args.task,
            template=args.template,
            empty=args.empty,
        )
    )
    lines = [
        f"{out.style('made', 'green')} {_near(result.root)}: {', '.join(path.name for path in result.files)}"
    ]
    if result.label is not None:
        positive = f", positive is {result.positive!r}" if result.positive is not None else ""
        lines.append(f"{result.rows:,} rows; {result.task}, predicts {result.label!r}{positive}")
        lines += ["", *_columns(result)]
    for title, sentences in (
        ("assumed", result.assumed),
        ("cannot be known from the table", result.unknown),
        ("look at this", result.warnings),
    ):
        if sentences:
            lines += ["", f"{out.style(title, 'bold')}:", *(f"  - {sentence}" for sentence in sentences)]
    lines += ["", f"{out.style('next', 'bold')}:", *(f"  {step}" for step in result.next_steps)]
    out.result(result, lines)
    return DONE


def run(args: Arguments, out: Output) -> int:
    """Run the recipe; exit code 3 when a gate did not say yes."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # a second thread spins, and its seconds count
        os.environ.setdefault(name, "1")
    from mlwright.commands.run import RunRequest, RunResult, plan_run
    from mlwright.commands.run import run as run_recipe

    request = RunRequest(
        project=args.project,
        budget_cpu_s=args.budget_cpu_s,
        trials=args.trials,
        seed=args.seed,
        reason=args.reason or "asked for",
        actor=os.environ.get("USER", "cli"),
        began_cpu_s=0.0,
    )
    if args.dry_run:
        plan = plan_run(request)
        rows = [(name, "known" if is_known else "would run") for name, is_known in plan.steps]
        out.result(plan, table(rows, header=("step", "result")))
        return DONE
    result: RunResult = run_recipe(request, ProgressBar(out))
    out.result(result, _run_lines(result, out))
    return DONE if result.verdict == "pass" else REFUSED


def predict(args: Arguments, out: Output) -> int:
    """Predict a table with a version."""
    from mlwright.commands.predict import PredictRequest, PredictResult
    from mlwright.commands.predict import predict as predict_table

    result: PredictResult = predict_table(
        PredictRequest(args.project, args.model, args.data, Path(args.out), args.sql)
    )
    out.result(result, [f"{result.rows:,} rows predicted by {result.reference} into {result.out}"])
    return DONE


def model_import(args: Arguments, out: Output) -> int:
    """Register a model that was trained elsewhere."""
    from mlwright.commands.model_import import ModelImportRequest, ModelImportResult
    from mlwright.commands.model_import import model_import as import_model

    result: ModelImportResult = import_model(
        ModelImportRequest(
            args.project,
            Path(args.source),
            args.framework,
            args.name,
            is_trusted=args.trust,
            python=None if args.python is None else Path(args.python),
            inputs=tuple(args.input or ()),
            data=None if args.data is None else Path(args.data),
        )
    )
    if result.isolation is not None:
        out.say(ISOLATION[result.isolation])
    out.result(
        result,
        [
            ", ".join(filter(None, (result.reference, result.task, result.moved, result.digest[:12]))),
            f"answers as {result.compared_with} on {result.parity_rows:,} rows,"
            f" largest difference {result.largest_difference:.1e}",
            "",
            f"next: mlwright serve {result.reference}",
        ],
    )
    return DONE


def model_export(args: Arguments, out: Output) -> int:
    """Write a version as a file for servers of others, and say how exactly it answers."""
    from mlwright.commands.model_export import ModelExportRequest
    from mlwright.commands.model_export import model_export as export_model

    request = ModelExportRequest(args.project, args.reference, Path(args.out), args.to, args.dry_run)
    result = export_model(request, ProgressBar(out))
    kinds = (("real", result.real_rows), ("made", result.made_rows), ("edge", result.edge_rows))
    rows = ", ".join(f"{count:,} {kind}" for kind, count in kinds if count)
    written = "" if result.is_written else ", not written"
    out.result(
        result,
        [
            f"{result.reference} as {result.out}, {result.bytes / 1024:,.0f} KiB{written}",
            f"answers as the package on {rows} rows, largest difference {result.largest_difference:.1e}",
            "",
            *table(
                [
                    (side, tensor.name, tensor.datatype, str(list(tensor.shape)))
                    for side, tensors in (("in", result.inputs), ("out", result.outputs))
                    for tensor in tensors
                ]
            ),
        ],
    )
    return DONE


def model_list(args: Arguments, out: Output) -> int:
    """List models and their versions."""
    from mlwright.commands.model_list import ModelListRequest
    from mlwright.commands.model_list import model_list as list_models

    result = list_models(ModelListRequest(args.project))
    rows = [
        (
            item.reference,
            ", ".join(item.aliases),
            item.verdict,
            item.framework,
            item.created_at,
            item.digest[:12],
        )
        for item in result.versions
    ]
    header = ("version", "alias", "verdict", "kind", "since", "package")
    out.result(result, table(rows, header=header) if rows else ["no models yet: `mlwright run` makes one"])
    return DONE


def model_show(args: Arguments, out: Output) -> int:
    """Show one version."""
    from mlwright.commands.model_show import ModelShowRequest
    from mlwright.commands.model_show import model_show as show_model

    result = show_model(ModelShowRequest(args.project, args.reference))
    lines = [
        f"{out.style(result.reference, 'bold')} {', '.join(result.aliases)}".rstrip(),
        f"{result.task}, {result.framework}, {result.origin}, verdict {result.verdict}, {result.created_at}",
        f"package {_near(result.package)}",
        "",
        *_metric_lines(result.metrics),
    ]
    if result.moves:
        lines += ["", "moves of its model's aliases:"]
        lines += table([_move(move) for move in result.moves])
    out.result(result, lines)
    return DONE


def model_report(args: Arguments, out: Output) -> int:
    """Write the report of a version."""
    from mlwright.commands.model_report import ModelReportRequest
    from mlwright.commands.model_report import model_report as write_report

    result = write_report(
        ModelReportRequest(args.project, args.reference, None if args.out is None else Path(args.out))
    )
    out.result(result, [f"report of {result.reference}: {_near(result.page)}"])
    return DONE


def _move(move: AliasMove) -> tuple[str, ...]:
    way = f"{_number(move.from_version)} → {_number(move.to_version)}"
    return (move.at, move.alias, way, move.actor, move.reason)


def _columns(result: object) -> list[str]:
    from mlwright.commands.init import InitResult

    assert isinstance(result, InitResult)
    rows = []
    for column in result.columns:
        marks = (", text" if column.is_text else "") + (", sensitive" if column.is_sensitive else "")
        role = column.role.replace("_", " ") + marks
        rows.append((column.name, column.type, role, column.reason or ""))
    shown = rows if len(rows) <= 40 else [*rows[:40], ("…", "", "", f"{len(rows) - 40} more")]
    return table(shown, header=("column", "type", "role", ""))


def _run_lines(result: object, out: Output) -> list[str]:
    from mlwright.commands.run import RunResult

    assert isinstance(result, RunResult)
    colour = {"pass": "green", "fail": "red", "inconclusive": "yellow"}[result.verdict]
    lines = [f"{out.style(result.reference, 'bold')}: {out.style(result.verdict, colour)}"]
    lines += [line for gate in result.gates if isinstance(gate, Mapping) for line in _gate_lines(gate)]
    lines += ["", *_metric_lines(result.metrics), *_ranking_lines(result.ranking), "", *_role_lines(result)]
    findings = [item for item in result.findings if isinstance(item, Mapping)]
    if findings:
        lines += [
            "",
            "noticed in the data:",
            *(f"  - {item['severity']}: {item['text']}" for item in findings[:10]),
        ]
        lines += [f"  - {len(findings) - 10} more, see --json"] if len(findings) > 10 else []
    lines += ["", f"report: {_near(result.report)}"]
    blocking = [item for item in findings if item["severity"] == "blocking"]
    if blocking and not result.moved:
        lines += ["", f"no alias moves to {result.reference}, blocked by:"]
        lines += [f"  - {item['key']}: {item['advice']}" for item in blocking]
        return lines
    lines += ["", _next_step(result.reference, result.moved, result.verdict, is_new=bool(result.moved))]
    return lines


def _role_lines(result: object) -> list[str]:
    """Say what columns are for; a role that was assumed says why, and `mlwright.toml` changes it."""
    from mlwright.commands.run import RunResult

    assert isinstance(result, RunResult)
    rows = [
        (role.role, role.column, "" if role.reason is None else f"assumed: {role.reason}")
        for role in result.roles
        if role.role != "ignored"
    ]
    ignored = [role.column for role in result.roles if role.role == "ignored"]
    if ignored:
        more = f" and {len(ignored) - MOST_NAMED} more" if len(ignored) > MOST_NAMED else ""
        rows.append(("ignored", ", ".join(ignored[:MOST_NAMED]) + more, ""))
    counts = ", ".join(f"{count} {kind}" for kind, count in result.inputs.items())
    return table([*rows, ("inputs", counts, "")], header=("role", "column", ""))


def _gate_lines(gate: Mapping[str, object]) -> list[str]:
    evidence = gate.get("evidence")
    if not isinstance(evidence, Mapping):
        return []
    lines = []
    questions = evidence.get("questions")
    for name, found in questions.items() if isinstance(questions, Mapping) else ():
        if isinstance(found, Mapping) and "text" in found:
            lines.append(f"  {gate['gate']}: {name}: {found['text']}")
        elif isinstance(found, Mapping):
            value = (
                f"{_number(found.get('value'))} [{_number(found.get('low'))}, {_number(found.get('high'))}]"
            )
            bound = found.get("limit", found.get("tolerance"))
            lines.append(
                f"  gate {gate['gate']}: {evidence['metric']} {name.replace('_', ' ')} {_number(bound)}:"
                f" {value}: {found.get('answer')}"
            )
    return lines


def _next_step(reference: str, moved: str, verdict: str, *, is_new: bool) -> str:
    if not is_new:
        return f"{reference} was registered before; nothing changed"
    if moved == "champion":
        return "it is the champion: `mlwright up` serves and watches it"
    if verdict == "pass":
        return "it is the candidate: `mlwright up` or `mlwright rollout start` tries it on a share of traffic"
    return "it is kept as candidate and not rolled out; `mlwright model show` has the evidence"


def _metric_lines(metrics: Mapping[str, object]) -> list[str]:
    rows = []
    for name, found in metrics.items():
        if isinstance(found, Mapping) and name != "ndcg":  # a line of its own says of which lists
            rows.append(
                (
                    name,
                    _number(found.get("value")),
                    f"{_number(found.get('low'))} … {_number(found.get('high'))}",
                )
            )
    return table(rows, header=("metric", "held out", "95 % interval")) if rows else []


def _ranking_lines(ranking: Mapping[str, object] | None) -> list[str]:
    if ranking is None or not isinstance(ndcg := ranking["ndcg"], Mapping):
        return []
    value, low, high = (_number(ndcg[name]) for name in ("value", "low", "high"))
    return [
        f"NDCG of the first {ranking['places']} places of {ranking['judged']} lists: {value} [{low}, {high}],"
        f" without any order {_number(ranking['unordered'])}"
    ]


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) and not isinstance(value, bool) else "–"


def _near(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)

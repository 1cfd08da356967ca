"""Render the commands that serve, watch and change what is live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.cli.command import Arguments
from mlwright.cli.output import Output, table

if TYPE_CHECKING:
    from mlwright.commands.server_settings import Listening

DONE = 0


def serve(args: Arguments, out: Output) -> int:
    """Serve until Ctrl-C."""
    from mlwright.commands.serve import ServeRequest, Serving
    from mlwright.commands.serve import serve as run_server

    def announce(serving: Serving) -> None:
        names = ", ".join(serving.names)
        grpc = "" if serving.grpc_address is None else f" and by gRPC on {serving.grpc_address}"
        out.event(
            {"event": "ready", **serving.__dict__}, f"serving {names} on {serving.url}{grpc}, until Ctrl-C"
        )
        if not out.as_json:
            out.say(_how_to_ask(serving.url, serving.names[0], serving.token_file))

    request = ServeRequest(args.project, tuple(args.references), _listening(args))
    return run_server(request, announce).exit_code


def up(args: Arguments, out: Output) -> int:
    """Serve, watch and renew until Ctrl-C."""
    from mlwright.commands.up import UpRequest
    from mlwright.commands.up import up as run_up
    from mlwright.lifecycle.loop import LoopEvent
    from mlwright.store import now_text

    def tell(event: LoopEvent) -> None:
        at = now_text()
        line = f"{at[11:19]}  {event.kind:<18} {event.text}"
        out.event({"event": event.kind, "at": at, "text": event.text, **event.facts}, line)
        if event.kind == "ready" and not out.as_json:
            token = None if args.no_auth else Path(args.project) / ".mlwright" / "run" / "token"
            out.say(_how_to_ask(str(event.facts.get("url", "")), "", token))
            out.say("next: `mlwright status`, `mlwright rollback`; Ctrl-C drains and stops")

    run_up(UpRequest(args.project, _listening(args)), tell)
    return DONE


def restart(args: Arguments, out: Output) -> int:
    """Put a new server process in the place of the one that runs."""
    from mlwright.commands.restart import RestartRequest
    from mlwright.commands.restart import restart as run_restart

    result = run_restart(RestartRequest(args.project))
    out.result(result, [f"process {result.pid} serves on {result.url}, process {result.before_pid} drains"])
    return DONE


def status(args: Arguments, out: Output) -> int:
    """Show the project on one screen."""
    from mlwright.cli.status_page import status_lines
    from mlwright.commands.status import StatusRequest
    from mlwright.commands.status import status as look

    result = look(StatusRequest(args.project))
    out.result(result, status_lines(result, out))
    return DONE


def rollback(args: Arguments, out: Output) -> int:
    """Put the previous champion back."""
    from mlwright.commands.rollback import RollbackRequest
    from mlwright.commands.rollback import rollback as roll_back

    result = roll_back(RollbackRequest(args.project, args.deployment, args.reason))
    ended = f", rollout {result.ended_rollout} ended" if result.ended_rollout is not None else ""
    live = "live now" if result.is_live else "no server runs: the next start uses it"
    out.result(
        result,
        [
            f"{result.deployment}: {result.from_version} → {result.to_version}{ended}",
            f"{live} (epoch {result.epoch}), by {result.actor}: {result.reason}",
        ],
    )
    return DONE


def rollout_start(args: Arguments, out: Output) -> int:
    """Give a candidate its first share."""
    from mlwright.commands.rollout import start

    return _rollout_change(args, out, start)


def rollout_promote(args: Arguments, out: Output) -> int:
    """Make the candidate champion."""
    from mlwright.commands.rollout import promote

    return _rollout_change(args, out, promote)


def rollout_abort(args: Arguments, out: Output) -> int:
    """Take the candidate's traffic away."""
    from mlwright.commands.rollout import abort

    return _rollout_change(args, out, abort)


def rollout_list(args: Arguments, out: Output) -> int:
    """List rollouts and how they ended."""
    from mlwright.commands.rollout import RolloutRequest, list_rollouts

    records = list_rollouts(RolloutRequest(args.project, args.deployment))
    rows = [
        (
            str(record.rollout.id),
            record.rollout.deployment,
            f"{record.rollout.model}@{record.rollout.champion} → @{record.rollout.candidate}",
            record.rollout.outcome or f"at {record.rollout.share:.0%}",
            record.rollout.started_at,
            record.events[-1].reason if record.events else "",
        )
        for record in records
    ]
    header = ("rollout", "deployment", "versions", "outcome", "started", "last decision")
    out.result(records, table(rows, header=header) if rows else ["no rollouts yet"])
    return DONE


def label_add(args: Arguments, out: Output) -> int:
    """Add labels from a file."""
    from mlwright.commands.label_add import LabelAddRequest
    from mlwright.commands.label_add import label_add as add

    result = add(LabelAddRequest(args.project, Path(args.file)))
    out.result(result, [f"{result.added:,} labels added from {result.file.name}"])
    return DONE


def monitor(args: Arguments, out: Output) -> int:
    """Ask every monitor once."""
    from mlwright.cli.status_page import judgement_lines
    from mlwright.commands.monitor import MonitorRequest
    from mlwright.commands.monitor import monitor as ask

    result = ask(MonitorRequest(args.project, args.deployment))
    version = "nothing served yet" if result.version is None else f"version {result.version}"
    coverage = "" if result.coverage is None else f", {result.coverage:.0%} of them labelled"
    lines = [f"{result.deployment}: {version}, {result.served:,} rows served{coverage}"]
    if result.metrics:
        found = ", ".join(f"{name} {value:.4g}" for name, value in result.metrics.items())
        lines.append(f"on the {result.labelled:,} labelled rows: {found}")
    lines += judgement_lines(result.judgements, out)
    out.result(
        {
            "deployment": result.deployment,
            "version": result.version,
            "served": result.served,
            "labelled": result.labelled,
            "coverage": result.coverage,
            "metrics": result.metrics,
            "judgements": result.judgements,
        },
        lines,
    )
    return DONE


def _rollout_change(args: Arguments, out: Output, change: object) -> int:
    from mlwright.commands.rollout import RolloutRequest

    assert callable(change)
    result = change(RolloutRequest(args.project, args.deployment, getattr(args, "model", None), args.reason))
    rollout = result.rollout
    place = rollout.outcome or f"{rollout.share:.0%} of {rollout.deployment}"
    live = "live now" if result.is_live else "no server runs: the next start uses it"
    out.result(
        result,
        [f"rollout {rollout.id}: {rollout.model}@{rollout.candidate}, {place}; {live}"],
    )
    return DONE


def _listening(args: Arguments) -> Listening:
    from mlwright.commands.server_settings import Listening

    return Listening(
        host=args.host,
        port=args.port,
        admin_port=args.admin_port,
        grpc_port=args.grpc_port,
        workers=args.workers,
        no_auth=args.no_auth,
        insecure_no_tls=args.insecure_no_tls,
        tls_certificate=args.tls_certificate,
        tls_key=args.tls_key,
    )


def _how_to_ask(url: str, name: str, token_file: Path | None) -> str:
    header = "" if token_file is None else f" -H \"Authorization: Bearer $(cat '{token_file}')\""
    place = name or "production"
    return f"try: curl -s{header} {url}/v2/models/{place}   # then POST {url}/v1/predict/{place}"

"""One screen for the person on call: what is live, since when, by whose decision, how it is, the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlwright.cli.output import Output, table

if TYPE_CHECKING:
    from mlwright.commands.status import DeploymentStatus, RolloutStatus, StatusResult
    from mlwright.monitoring import Judgement

COLOURS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}


def status_lines(result: StatusResult, out: Output) -> list[str]:
    """Lay out the whole status."""
    lines = [_head(result, out)]
    lines += [f"  {out.style('problem', 'red')} {name}: {text}" for name, text in result.problems.items()]
    if result.epoch_served is not None and result.epoch_served != result.epoch_wanted:
        lines.append(
            f"  {out.style('behind', 'red')}: the server answers by epoch {result.epoch_served},"
            f" {result.epoch_wanted} is wanted"
        )
    if result.audit_broken_at is not None:
        lines.append(f"  {out.style('the audit chain is broken', 'red')} at entry {result.audit_broken_at}")
    for deployment in result.deployments:
        lines += ["", *_deployment_lines(deployment, out)]
    if result.runs:
        lines += ["", out.style("last runs", "bold")]
        rows = [
            (
                run.started_at,
                run.status,
                str(run.result.get("reference", "")),
                str(run.result.get("verdict", "")),
                run.reason,
            )
            for run in result.runs
        ]
        lines += [f"  {line}" for line in table(rows)]
    return lines


def judgement_lines(judgements: Sequence[Judgement], out: Output) -> list[str]:
    """Say what each monitor found."""
    rows = [(item.monitor, item.verdict, item.summary) for item in judgements]
    return [f"  {out.style(line, COLOURS[row[1]])}" for line, row in zip(table(rows), rows, strict=True)]


def _head(result: StatusResult, out: Output) -> str:
    if result.server is None:
        state = out.style("not running", "yellow") + ": `mlwright up` starts it"
    else:
        ready = out.style("ready", "green") if result.is_ready else out.style("not ready", "red")
        loop = "with the control loop" if result.up is not None else "without the control loop"
        state = f"{ready} on {result.server.url} {loop} (process {result.server.pid})"
    return f"{out.style(result.project, 'bold')}: {state}"


def _deployment_lines(deployment: DeploymentStatus, out: Output) -> list[str]:
    coverage = "" if deployment.coverage is None else f", {deployment.coverage:.0%} of them labelled"
    name = out.style(deployment.name, "bold")
    lines = [f"{name}: {deployment.served:,} rows served by the live version{coverage}"]
    if not deployment.variants:
        lines.append("  nothing is live: the first version that passes its gates will be")
    rows = [
        (
            f"{variant.share:.0%}",
            variant.reference,
            variant.variant,
            f"since {variant.since}" if variant.since else "",
            f"by {variant.by}: {variant.reason}" if variant.by else "",
        )
        for variant in deployment.variants
    ]
    lines += [f"  {line}" for line in table(rows)]
    if deployment.rollout is not None:
        lines += _rollout_lines(deployment.rollout, out)
    lines += judgement_lines(deployment.judgements, out)
    lines += [
        f"  {out.style('alert', 'red' if alert.severity == 'page' else 'yellow')} ({alert.severity})"
        f" since {alert.at}: {alert.summary}"
        for alert in deployment.alerts
    ]
    back = deployment.way_back
    if back is None:
        lines.append("  a rollback has nothing to go back to")
    else:
        ends = " and ends the rollout" if back.ends_rollout is not None else ""
        lines.append(f"  a rollback would go {back.from_version} → {back.to_version}{ends}")
    return lines


def _rollout_lines(status: RolloutStatus, out: Output) -> list[str]:
    rollout, decision = status.rollout, status.decision
    lines = [
        f"  rollout {rollout.id}: {rollout.model}@{rollout.candidate} at {rollout.share:.0%},"
        f" step {rollout.step + 1} of {len(rollout.plan.steps)}, last: {status.last_event}",
        f"    now: {out.style(decision.action, COLOURS[decision.verdict])}: {decision.reason}",
    ]
    lines += [
        f"    gate {gate.gate}: {gate.verdict}, bad events {gate.candidate_events} on the candidate,"
        f" {gate.champion_events} on the champion,"
        f" log evidence {gate.log_evidence:.2f} of {gate.threshold:.2f}"
        for gate in decision.gates
    ]
    return lines

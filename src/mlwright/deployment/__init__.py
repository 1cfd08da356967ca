"""Targets, deployments, variants and rollouts: what is live, and how that changes.

A name is imported when it is first asked for: `mlwright serve` becomes the server and keeps what it imported.
"""

from typing import TYPE_CHECKING

from mlwright.late import late_names

if TYPE_CHECKING:
    from mlwright.deployment.decision import Decision, Evidence, GateVerdict, decide
    from mlwright.deployment.deployment import Deployment, Variant
    from mlwright.deployment.document import (
        Document,
        document_path,
        live_deployment,
        newest_document,
        nothing_to_serve,
        write_document,
    )
    from mlwright.deployment.evidence import RolloutTally, collect_evidence, judge_outcome
    from mlwright.deployment.local import LocalTarget
    from mlwright.deployment.plan import Plan
    from mlwright.deployment.publishing import Published, ensure_published, publish, target_of
    from mlwright.deployment.rollback import WayBack, roll_back, way_back
    from mlwright.deployment.rollout import (
        carry_out,
        choose_deployment,
        deployment_settings,
        has_champion_changed,
        required_rollout,
        start_rollout,
    )
    from mlwright.deployment.rollout_history import (
        Rollout,
        RolloutEvent,
        active_rollout,
        has_rolled_out,
        rollout_events,
        rollouts,
    )
    from mlwright.deployment.target import Applied, Target
    from mlwright.deployment.variants import serve_exactly

__all__ = [
    "Applied",
    "Decision",
    "Deployment",
    "Document",
    "Evidence",
    "GateVerdict",
    "LocalTarget",
    "Plan",
    "Published",
    "Rollout",
    "RolloutEvent",
    "RolloutTally",
    "Target",
    "Variant",
    "WayBack",
    "active_rollout",
    "carry_out",
    "choose_deployment",
    "collect_evidence",
    "decide",
    "deployment_settings",
    "document_path",
    "ensure_published",
    "has_champion_changed",
    "has_rolled_out",
    "judge_outcome",
    "live_deployment",
    "newest_document",
    "nothing_to_serve",
    "publish",
    "required_rollout",
    "roll_back",
    "rollout_events",
    "rollouts",
    "serve_exactly",
    "start_rollout",
    "target_of",
    "way_back",
    "write_document",
]

HOMES = {
    "decision": "Decision Evidence GateVerdict decide",
    "deployment": "Deployment Variant",
    "document": "Document document_path live_deployment newest_document nothing_to_serve write_document",
    "evidence": "RolloutTally collect_evidence judge_outcome",
    "local": "LocalTarget",
    "plan": "Plan",
    "publishing": "Published ensure_published publish target_of",
    "rollback": "WayBack roll_back way_back",
    "rollout": "carry_out choose_deployment deployment_settings has_champion_changed"
    " required_rollout start_rollout",
    "rollout_history": "Rollout RolloutEvent active_rollout has_rolled_out rollout_events rollouts",
    "target": "Applied Target",
    "variants": "serve_exactly",
}

if not TYPE_CHECKING:  # a checker that saw this would believe in every name
    __getattr__ = late_names(__name__, HOMES)

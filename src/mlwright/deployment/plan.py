"""The planned series of traffic shifts of one rollout, frozen when it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlwright.errors import ConfigError
from mlwright.project import RolloutConfig

GateName: TypeAlias = Literal["errors", "labels"]


@dataclass(frozen=True)
class Plan:
    """Shares (0..1) of the candidate, and what it takes to go on or to stop."""

    steps: tuple[float, ...]
    hold_minutes: float
    min_requests: int
    min_labels: int
    false_rollback: float
    tolerate_ratio: float
    gates: tuple[GateName, ...]

    @classmethod
    def from_config(cls, config: RolloutConfig) -> Plan:
        """Make a plan from the settings.

        Raises `ConfigError` when shares do not rise within (0, 100] percent or a bound makes no sense.
        """
        rising = all(a < b for a, b in zip(config.steps, config.steps[1:], strict=False))
        if not config.steps or not rising or not config.steps[0] > 0 or config.steps[-1] > 100:
            raise ConfigError(
                f"the steps {list(config.steps)} of a rollout do not rise within 0 and 100 percent",
                hint="write rollout = { steps = [5, 25, 50], … } in [deployment.NAME]",
            )
        if not 0 < config.false_rollback < 1 or config.tolerate_ratio < 1:
            raise ConfigError(
                "false_rollback has to be between 0 and 1, tolerate_ratio at least 1",
                hint="the defaults are false_rollback = 0.01 and tolerate_ratio = 1.05",
            )
        return cls(
            tuple(step / 100 for step in config.steps),
            config.hold_minutes,
            config.min_requests,
            config.min_labels,
            config.false_rollback,
            config.tolerate_ratio,
            config.gates,
        )

    def to_json(self) -> dict[str, object]:
        """Give the plan as it is kept."""
        return {**self.__dict__, "steps": list(self.steps), "gates": list(self.gates)}

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Plan:
        """Read a plan that was kept."""
        fields = dict(values)
        steps, gates = fields.pop("steps"), fields.pop("gates")
        assert isinstance(steps, list)
        assert isinstance(gates, list)
        return cls(steps=tuple(steps), gates=tuple(gates), **fields)  # type: ignore[arg-type]  # written by to_json

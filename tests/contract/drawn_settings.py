"""Run beside Optuna: where it draws once it has heard that low rates and few leaves are good."""

from __future__ import annotations

import json

import numpy as np

from mlwright.integrations.optuna_sampler import sampler
from mlwright.training.sampler import SPACE, RandomSampler


def loss_of(settings: dict[str, object]) -> float:
    return (
        abs(float(str(settings["learning_rate"])) - 0.03) + abs(float(str(settings["num_leaves"])) - 20) / 500
    )


def last_losses(made: object, draws: int = 60) -> list[float]:
    found = []
    for _ in range(draws):
        settings = made.propose()  # type: ignore[attr-defined]  # one of the two samplers
        assert all(one.holds(settings[name]) for name, one in SPACE.items())
        found.append(loss_of(settings))
        made.tell(settings, found[-1])  # type: ignore[attr-defined]
    return found[draws // 2 :]


if __name__ == "__main__":
    runs = [last_losses(sampler(seed)) for seed in (1, 2, 1)]
    outside = sampler(1)
    outside.tell({"learning_rate": 0.25, "num_leaves": 31}, 0.1)  # no place in the space: not heard
    told = {
        "is_repeatable": runs[0] == runs[2] != runs[1],
        "drawn": float(np.mean(runs[0] + runs[1])),
        "random": float(np.mean(last_losses(RandomSampler(1)) + last_losses(RandomSampler(2)))),
    }
    print(json.dumps(told))

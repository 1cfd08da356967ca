"""See what the control loop does, by `mlwright status --json` alone, from a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from product import CommandFailed, Product

LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Happening:
    """Something that changed between two looks; `kind` is stable."""

    kind: str
    text: str


@dataclass(frozen=True)
class Sight:
    """What one look saw that matters to the story."""

    champion: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    alerts: Mapping[int, str] = field(default_factory=dict)
    runs: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    rollout: tuple[int, float, str] | None = None

    @property
    def is_training(self) -> bool:
        """Tell whether a run is going on."""
        return any(state == "running" for state, _, _ in self.runs.values())


class Watcher:
    """Looks about once a second; `news` gives what happened since it was asked last."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._lock = threading.Lock()
        self._news: list[Happening] = []
        self._stop = threading.Event()
        self.sight = read_sight(product.ask("status"))
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def news(self) -> list[Happening]:
        """Give what happened since the last call."""
        with self._lock:
            found, self._news = self._news, []
        return found

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                seen = read_sight(self._product.ask("status"))
            except CommandFailed as problem:
                with self._lock:
                    self._news.append(Happening("problem", str(problem)))
                continue
            found = compare(self.sight, seen)
            self.sight = seen
            with self._lock:
                self._news.extend(found)


def read_sight(status: Mapping[str, Any]) -> Sight:
    """Pick what matters out of the answer of `mlwright status --json`."""
    deployment = status["deployments"][0]
    shares = {item["variant"]: float(item["share"]) for item in deployment["variants"]}
    references = {item["variant"]: str(item["reference"]) for item in deployment["variants"]}
    rollout = None if deployment["rollout"] is None else deployment["rollout"]["rollout"]
    return Sight(
        champion=references.get("champion", ""),
        shares={references[name]: share for name, share in shares.items()},
        alerts={int(item["id"]): f"{item['monitor']}: {item['summary']}" for item in deployment["alerts"]},
        runs={
            item["id"]: (item["status"], item["reason"], _outcome(item["result"])) for item in status["runs"]
        },
        rollout=None
        if rollout is None
        else (int(rollout["id"]), float(rollout["share"]), f"{rollout['model']}@{rollout['candidate']}"),
    )


def compare(before: Sight, now: Sight) -> list[Happening]:
    """Say what changed between two looks."""
    found = [
        Happening("alert", f"alert raised by monitor {text}")
        for number, text in now.alerts.items()
        if number not in before.alerts
    ]
    for run, (state, reason, outcome) in now.runs.items():
        was = before.runs.get(run, ("", "", ""))[0]
        if not was:
            found.append(Happening("run", f"retraining started: {reason}"))
        if state != "running" and was != state:
            found.append(Happening("run-end", f"retraining ended: {outcome}"))
    if now.rollout is not None and (before.rollout is None or before.rollout[:2] != now.rollout[:2]):
        began = before.rollout is None or before.rollout[0] != now.rollout[0]
        kind = "canary" if began else "ramp"
        found.append(Happening(kind, f"{now.rollout[2]} answers {now.rollout[1]:.0%} of the customers"))
    if now.champion != before.champion and before.champion:
        found.append(Happening("champion", f"{now.champion} is champion now, after {before.champion}"))
    elif before.rollout is not None and now.rollout is None:
        found.append(Happening("ended", f"{before.rollout[2]} was rolled back"))
    return found


def _outcome(result: Mapping[str, Any]) -> str:
    if "error" in result:
        return str(result["error"].get("message", "failed"))
    return f"{result.get('reference', '?')}, gates say {result.get('verdict', '?')}"

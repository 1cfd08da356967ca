"""The fraud story, driven as a user drives it: commands of mlwright and requests over HTTP, nothing else.

    python demo.py [--rows 300000] [--seed 7] [--quick] [--no-keep] [--folder DIR]

A market is simulated, a model is trained and served, live days are replayed as traffic in compressed time.
A new kind of fraud appears; the control loop notices from chargebacks, retrains, tries the new version on
some customers, and promotes it. Exit code 1 when a request failed or a turn of the story did not happen.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from chart import render
from live import Exercise, LiveDays, Timing
from performance import Scorer
from product import CommandFailed, Product, Service, stop_left_over
from report import Moment, Report, describe, write_json
from simulate import LABEL, START
from terminal import Terminal
from traffic import Replay

HERE = Path(__file__).resolve().parent
NAME, DEPLOYMENT = "fraud", "production"
FULL = Timing(rows=300_000)
QUICK = Timing(
    rows=144_000,
    last_day=104,
    day_seconds=0.55,
    budget_cpu_s=16,
    monitor_tolerance=1.0,
    false_alarms_per=10_000,
)  # half the labels a day: an alarm must come from fewer of them
DAYS_TO_JUDGE = 5
TURNS = ("alert", "run", "canary", "champion")
T = TypeVar("T")


@dataclass(frozen=True)
class Market:
    """What was simulated: the live days as they arrive, the truth, and what is bound to happen."""

    live: pl.DataFrame
    labels: pl.DataFrame
    is_fraud: npt.NDArray[np.bool_]
    turns: list[Moment]

    @property
    def corrupted_day(self) -> int:
        """Give the day whose data arrive damaged."""
        return next(int(moment.day) for moment in self.turns if moment.kind == "corrupted")


class Story:
    """Tells the story once."""

    def __init__(self, folder: Path, timing: Timing, *, seed: int) -> None:
        self.folder = folder
        self.timing = timing
        self.seed = seed
        self.terminal = Terminal()
        self.product = Product(folder / NAME, self.terminal)
        self._lasted: dict[str, float] = {}

    def tell(self, *, keep: bool) -> Report:
        """Run every step; raise `CommandFailed` when one of the commands does not do its part."""
        market = self._timed("simulate", self._simulate)
        self._timed("init", self._init)
        self._timed("run", self._run)
        service = self._timed("up", self._up)
        try:
            report = self._live_through(service, market)
        except BaseException:
            self.product.stop(service.pid)
            raise
        write_json(self.folder / "report.json", report)
        (self.folder / "report.html").write_text(render(report), encoding="utf-8")
        self._conclude(report, service, keep=keep)
        return report

    def _simulate(self) -> Market:
        timing, data = self.timing, self.folder / "data"
        self.terminal.step("Simulate a card market in which fraud changes")
        arguments = ["--rows", str(timing.rows), "--days", str(timing.days), "--seed", str(self.seed)]
        arguments += ["--train-days", str(timing.train_days), "--new-scheme-day", str(timing.new_scheme)]
        arguments += ["--adaptation-day", str(timing.days), "--incidents", "corrupted"]
        self.terminal.command(f"python simulate.py {' '.join(arguments)} --out data/")
        command = [sys.executable, str(HERE / "simulate.py"), *arguments, "--out", str(data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CommandFailed(f"the simulator failed:\n{done.stderr}")
        for line in done.stdout.splitlines():
            self.terminal.output(line.replace(str(data), "data/"))
        return read_market(data, timing)

    def _init(self) -> None:
        self.terminal.step("Make a project from the table")
        table = ["--data", "data/training.parquet", "--label", LABEL, "--time", "ts"]
        table += ["--group", "customer_id", "--template", "fraud"]
        for name in ("transaction_id", "merchant_id"):
            table += ["--ignore", name]
        self.product.show("init", NAME, *table, cwd=self.folder)
        self.terminal.say("Labels of the newest days are not in yet, so customers are held out, not days;")
        self.terminal.say("a missed fraud costs six false alarms here; and time is compressed:")
        rollout = (
            "{ steps = [10, 50], hold_minutes = 0.03, min_requests = 200, min_labels = 10, "
            "false_rollback = 0.01, tolerate_ratio = 1.25 }"
        )
        self.product.edit(
            {
                "data": {"split": '{ by = "customer_id", test_share = 0.25 }'},
                "training": {"budget_cpu_s": str(self.timing.budget_cpu_s), "threshold": "0.15"},
                "monitors.quality": {
                    "false_alarms_per": str(self.timing.false_alarms_per),
                    "tolerance": str(self.timing.monitor_tolerance),
                },
                "triggers.quality": {"cooldown_minutes": str(self.timing.cooldown_minutes)},
                "deployment.production": {"unit": '"customer_id"', "rollout": rollout},
                "serving": {"tick_seconds": "0.5"},
            }
        )

    def _run(self) -> None:
        self.terminal.step("Validate, train, evaluate, gate, package, register")
        self.product.show("run")

    def _up(self) -> Service:
        self.terminal.step("Serve, watch, renew")
        service = self.product.start()
        self.terminal.output(
            f"answers on http://{service.host}:{service.port}, token in {service.token_file}"
        )
        return service

    def _live_through(self, service: Service, market: Market) -> Report:
        timing = self.timing
        replay = Replay(service, market.live, market.labels, deployment=DEPLOYMENT)
        scorer = Scorer(replay.day, market.is_fraud)
        live = LiveDays(self.product, self.terminal, replay, scorer, timing=timing)
        try:
            self.terminal.step(f"Live from day {timing.train_days}: one request for each purchase")
            self._timed("live days", lambda: live.play(market.turns))
            end = live.day
            exercise = Exercise(0, 0)
            if live.has_renewed:
                self.terminal.step("Roll back under traffic, and forward again")
                exercise = self._timed("rollback", live.roll_back_and_forward)
                self.terminal.say(f"{exercise.requests:,} requests meanwhile, {exercise.failures} failed")
        finally:
            live.close()
            replay.close()
        return self._account(replay, scorer, live.moments, (end, exercise, market))

    def _account(
        self, replay: Replay, scorer: Scorer, moments: list[Moment], ending: tuple[float, Exercise, Market]
    ) -> Report:
        end, exercise, market = ending
        answers, timing = replay.answers, self.timing
        score, alert = answers.score, answers.alert
        renewed = [moment.day for moment in moments if moment.kind == "champion" and moment.day <= end]
        first = renewed[0] if renewed else end
        settled = [day for day in renewed if day <= end - DAYS_TO_JUDGE] or [first]
        worst = [
            scorer.measure(day, day + DAYS_TO_JUDGE, score, alert)
            for day in range(timing.new_scheme, max(int(first) - DAYS_TO_JUDGE + 1, timing.new_scheme + 1))
        ]
        quarantined = self._find_quarantine(market.corrupted_day)
        problems = [f"{count} × {text}" for text, count in answers.problems.most_common(5)]
        kinds = {moment.kind for moment in moments}
        problems += [f"the loop never got to: {kind}" for kind in TURNS if kind not in kinds]
        problems += [] if quarantined else ["no run says that the corrupted day was kept out of training"]
        return Report(
            seed=self.seed,
            rows=timing.rows,
            before=scorer.measure(timing.train_days, timing.new_scheme, score, alert),
            worst=min(worst, key=lambda period: period.average_precision),
            after=scorer.measure(settled[-1], end, score, alert),
            requests=answers.sent,
            refused_by_contract=answers.refused,
            labels_sent=answers.feedback_sent,
            failures=answers.failed,
            requests_during_rollback=exercise.requests,
            failures_during_rollback=exercise.failures,
            quarantined=quarantined,
            seconds=round(self.terminal.seconds, 1),
            steps_seconds={name: round(seconds, 1) for name, seconds in self._lasted.items()},
            moments=moments,
            daily=scorer.rolling(timing.train_days, int(end), score, alert),
            refusals=dict(answers.refusals),
            problems=problems,
        )

    def _find_quarantine(self, day: int) -> str:
        """Find what a run of the loop says about the corrupted day."""
        date = (START + timedelta(days=day)).date().isoformat()
        for run in self.product.ask("status")["runs"]:
            for finding in run["result"].get("findings", []):
                if finding.get("name") == "contract.day" and date in json.dumps(finding):
                    return str(finding.get("text", date))
        return ""

    def _conclude(self, report: Report, service: Service, *, keep: bool) -> None:
        terminal = self.terminal
        terminal.step("Report")
        for line in describe(report):
            terminal.say(line)
        terminal.say(f"written       {self.folder / 'report.html'}, report.json")
        if keep:
            terminal.say(f"still serving http://{service.host}:{service.port}; end it: kill {service.pid}")
            terminal.say(f"look at it    {sys.executable} -m mlwright status --project {self.folder / NAME}")
        else:
            self.product.stop(service.pid)
            terminal.say("stopped")

    def _timed(self, name: str, act: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return act()
        finally:
            self._lasted[name] = time.monotonic() - began


def read_market(data: Path, timing: Timing) -> Market:
    """Read the simulated tables: the live days, labels, truth, and the days on which things happen."""
    begin = pl.lit(START) + pl.duration(days=timing.train_days)
    live = pl.read_parquet(data / "transactions.parquet").filter(pl.col("ts") >= begin)
    truth = live.select("transaction_id").join(
        pl.read_parquet(data / "truth.parquet"), on="transaction_id", how="left", maintain_order="left"
    )
    events = json.loads((data / "events.json").read_text(encoding="utf-8"))
    corrupted = next(event for event in events if event["name"] == "corrupted")
    turns = [
        Moment(corrupted["day"], "corrupted", f"a damaged day begins: {corrupted['text']}"),
        Moment(timing.new_scheme, "scheme", "a new scheme starts: small sums at fresh merchants"),
    ]
    return Market(live, pl.read_parquet(data / "labels.parquet"), truth[LABEL].to_numpy() == 1, turns)


def main() -> int:
    """Tell the story."""
    parser = argparse.ArgumentParser(description="Tell the fraud story.")
    parser.add_argument("--rows", type=int, help="purchases in all (default 300000, with --quick 120000)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="fewer purchases and faster days: for CI")
    parser.add_argument(
        "--keep", action=argparse.BooleanOptionalAction, default=True, help="leave the service running"
    )
    parser.add_argument("--folder", type=Path, default=HERE.parents[1] / "build" / "demo")
    options = parser.parse_args()
    timing = QUICK if options.quick else FULL
    timing = replace(timing, rows=options.rows or timing.rows)
    folder = options.folder.resolve()
    stop_left_over(folder / NAME)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        report = Story(folder, timing, seed=options.seed).tell(keep=options.keep)
    except CommandFailed as problem:
        print(f"\nThe story stopped: {problem}", file=sys.stderr)
        return 1
    return 0 if report.succeeded else 1


if __name__ == "__main__":
    sys.exit(main())

"""The live days: purchases hour by hour in compressed time, the loop watched, one rollback under traffic."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from performance import Scorer
from product import CommandFailed, Product
from report import Moment
from terminal import Terminal, sparkline
from traffic import Replay
from watch import Watcher

HOURS = 24
STYLES = {"alert": "red", "problem": "red", "corrupted": "red", "scheme": "red", "champion": "green"}


@dataclass(frozen=True)
class Timing:
    """Days of the market, and how long a day takes here. While a run trains, days pass slower."""

    rows: int
    days: int = 120
    train_days: int = 60
    new_scheme: int = 72
    last_day: int = 108
    day_seconds: float = 1.3
    training_day_seconds: float = 10.0
    budget_cpu_s: int = 24
    cooldown_minutes: float = 0.3
    monitor_tolerance: float = 1.25
    false_alarms_per: int = 100_000


@dataclass(frozen=True)
class Exercise:
    """What was asked and what failed while rolling back and forward."""

    requests: int
    failures: int


class LiveDays:
    """Plays the days and tells what happens; `moments` is everything that happened."""

    def __init__(
        self, product: Product, terminal: Terminal, replay: Replay, scorer: Scorer, *, timing: Timing
    ) -> None:
        self.day = float(timing.train_days)
        self.moments: list[Moment] = []
        self._product = product
        self._terminal = terminal
        self._replay = replay
        self._scorer = scorer
        self._timing = timing
        self._watcher = Watcher(product)
        self._hour = timing.train_days * HOURS

    def play(self, known: list[Moment]) -> None:
        """Replay until the last day, and on until no retraining and no trial is open.

        `known` are the turns that the market itself takes.
        """
        timing, due = self._timing, time.monotonic()
        ahead = sorted(known, key=lambda moment: moment.day)
        while self._hour < (timing.days - 2) * HOURS:
            sight = self._watcher.sight
            if self._hour >= timing.last_day * HOURS and not sight.is_training and sight.rollout is None:
                break
            while ahead and ahead[0].day <= self.day:
                self._tell(ahead.pop(0))
            self._play_hour()
            if self._hour % (7 * HOURS) == 4 * HOURS:
                self._tell_week(self._hour // HOURS)
            due += (timing.training_day_seconds if sight.is_training else timing.day_seconds) / HOURS
            now = time.monotonic()
            due = max(due, now - 0.2)  # a clock that fell behind is not caught up with a burst
            time.sleep(max(due - now, 0.0))

    @property
    def has_renewed(self) -> bool:
        """Tell whether the loop has put a new version in place."""
        return (
            any(moment.kind == "champion" for moment in self.moments) and self._watcher.sight.rollout is None
        )

    def roll_back_and_forward(self) -> Exercise:
        """Roll back, and forward again, while purchases keep coming."""
        answers = self._replay.answers
        sent, failed = answers.sent, answers.failed
        champion = self._watcher.sight.champion
        for command in (
            ("rollback", "--reason", "exercise"),
            ("rollout", "start", "--model", champion, "--reason", "exercise"),
            ("rollout", "promote", "--reason", "exercise"),
        ):
            self._play_beside(command)
        self.moments.append(Moment(self.day, "rollback", "rolled back and forward again under traffic"))
        return Exercise(answers.sent - sent, answers.failed - failed)

    def close(self) -> None:
        """Stop watching."""
        self._watcher.close()

    def _play_hour(self) -> None:
        self._replay.play(self._hour / HOURS, (self._hour + 1) / HOURS)
        self._hour += 1
        self.day = self._hour / HOURS
        for piece in self._watcher.news():
            self._tell(Moment(self.day, piece.kind, piece.text))

    def _play_beside(self, command: tuple[str, ...]) -> None:
        """Replay hours while a command runs, and two more."""
        problems: list[CommandFailed] = []

        def show() -> None:
            try:
                self._product.show(*command)
            except CommandFailed as problem:
                problems.append(problem)

        thread = threading.Thread(target=show)
        thread.start()
        left = 2
        while left:
            if self._hour < self._timing.days * HOURS:
                self._play_hour()
            left -= not thread.is_alive()
        if problems:
            raise problems[0]

    def _tell(self, moment: Moment) -> None:
        self.moments.append(moment)
        self._terminal.event(moment.day, moment.text, style=STYLES.get(moment.kind, "yellow"))

    def _tell_week(self, day: int) -> None:
        answers = self._replay.answers
        daily = self._scorer.rolling(self._timing.train_days, day, answers.score, answers.alert)
        week = self._scorer.measure(day - 7, day, answers.score, answers.alert)
        bars = sparkline([period.average_precision for period in daily])
        self._terminal.say(
            f"day {day:5d}  {bars:<48}  week: AP {week.average_precision:.2f}, recall {week.recall:.2f},"
            f" {answers.sent:,} requests, {answers.refused:,} refused, {answers.failed} failed"
        )

"""The monitors of one deployment: a gate asked again and again over its prediction log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlwright.monitoring.drift import WindowLog, judge_drift
from mlwright.monitoring.judgement import Judgement
from mlwright.monitoring.outcomes import Arrivals
from mlwright.monitoring.quality import QualityDetector
from mlwright.monitoring.reference import Reference, read_reference
from mlwright.project import MonitorConfig


@dataclass(frozen=True)
class VersionId:
    """A version as far as monitors need to know it."""

    number: int
    digest: str


@dataclass
class _Coverage:
    served: int = 0
    labelled: int = 0


@dataclass
class Monitors:
    """Watches every version that a deployment serves; each row is judged by the version that scored it.

    What it says depends only on the log, so a new process that reads the log from the start says the same.
    """

    config: Mapping[str, MonitorConfig]
    packages: Path
    log: Path
    deployment: str
    since_us: int = 0
    _digests: dict[int, str] = field(default_factory=dict)
    _references: dict[int, Reference] = field(default_factory=dict)
    _quality: dict[tuple[str, int], QualityDetector] = field(default_factory=dict)
    _coverage: dict[int, _Coverage] = field(default_factory=dict)
    _windows: WindowLog | None = None

    def know(self, version: VersionId) -> None:
        """Tell where the package of a version is."""
        self._digests[version.number] = version.digest

    def observe(self, arrivals: Arrivals) -> None:
        """Show what came in."""
        for stream, count in arrivals.served.items():
            self._covered(stream.version).served += count
        for outcome in arrivals.outcomes:
            version = outcome.stream.version
            self._covered(version).labelled += outcome.is_first
            for name, config in self.config.items():
                detector = self._detector(name, config, version)
                if detector is not None:
                    detector.observe(outcome)
        if any(config.kind == "drift" for config in self.config.values()):
            self._windows = self._windows or WindowLog(self.log, self.deployment, since_us=self.since_us)
            self._windows.advance()

    def judge(self, version: int) -> list[Judgement]:
        """Ask every monitor about a version."""
        return [self._judge(name, config, version) for name, config in self.config.items()]

    def coverage(self, version: int) -> tuple[int, int]:
        """Give how many rows a version served and how many of them have a label."""
        found = self._covered(version)
        return found.served, found.labelled

    def reference(self, version: int) -> Reference | None:
        """Give the yardstick of a version, None when its package is not known."""
        if version not in self._references and version in self._digests:
            self._references[version] = read_reference(self.packages / self._digests[version])
        return self._references.get(version)

    def _judge(self, name: str, config: MonitorConfig, version: int) -> Judgement:
        reference = self.reference(version)
        severity = "page" if config.kind == "quality" else "ticket"
        if reference is None:
            return Judgement(name, "inconclusive", severity, "the version's package is not known")  # type: ignore[arg-type]
        if config.kind == "drift":
            cells = {} if self._windows is None else self._windows.cells(version)
            return judge_drift(name, config, reference, cells)
        detector = self._detector(name, config, version)
        assert detector is not None
        served, labelled = self.coverage(version)
        judgement = detector.judge()
        judgement.evidence["served"] = served
        judgement.evidence["label_coverage"] = labelled / served if served else None
        return judgement

    def _detector(self, name: str, config: MonitorConfig, version: int) -> QualityDetector | None:
        if config.kind != "quality":
            return None
        key = (name, version)
        if key not in self._quality:
            reference = self.reference(version)
            if reference is None:
                return None
            self._quality[key] = QualityDetector(name, config, reference)
        return self._quality[key]

    def _covered(self, version: int) -> _Coverage:
        return self._coverage.setdefault(version, _Coverage())

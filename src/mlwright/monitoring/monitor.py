"""The monitors of one deployment: a gate asked again and again over its prediction log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mlwright.monitoring.detector import Detector
from mlwright.monitoring.drift import DriftDetector, WindowLog
from mlwright.monitoring.judgement import Judgement
from mlwright.monitoring.outcomes import Arrivals
from mlwright.monitoring.quality import QualityDetector
from mlwright.monitoring.reference import Reference, read_reference
from mlwright.monitoring.yardstick import hold_to
from mlwright.project import MonitorConfig


@dataclass(frozen=True)
class VersionId:
    """A version as far as monitors need to know it; `predecessor` was champion when it was made."""

    number: int
    digest: str
    predecessor: int | None = None


@dataclass
class _Coverage:
    served: int = 0
    labelled: int = 0


class Monitors:
    """Watches every version that a deployment serves; each row is judged by the version that scored it.

    What it says depends only on the log, so a new process that reads the log from the start says the same.
    """

    def __init__(
        self,
        config: Mapping[str, MonitorConfig],
        *,
        packages: Path,
        log: Path,
        deployment: str,
        since_us: int,
    ) -> None:
        self.config = config
        self._packages = packages
        self._windows = WindowLog(log, deployment, since_us=since_us)
        self._versions: dict[int, VersionId] = {}
        self._references: dict[int, Reference] = {}
        self._detectors: dict[tuple[str, int], Detector] = {}
        self._coverage: dict[int, _Coverage] = {}

    def know(self, version: VersionId) -> None:
        """Tell where the package of a version is."""
        self._versions[version.number] = version

    def observe(self, arrivals: Arrivals) -> None:
        """Show what came in."""
        for stream, count in arrivals.served.items():
            self._covered(stream.version).served += count
        for outcome in arrivals.outcomes:
            version = outcome.stream.version
            self._covered(version).labelled += outcome.is_first
            for detector in self._of(version):
                detector.observe(outcome)
        if any(config.kind == "drift" for config in self.config.values()):
            self._windows.advance()

    def judge(self, version: int) -> list[Judgement]:
        """Ask every monitor about a version; none answers while its package is not known."""
        served, labelled = self.coverage(version)
        coverage: dict[str, object] = {
            "served": served,
            "label_coverage": labelled / served if served else None,
        }
        judgements = [detector.judge() for detector in self._of(version)]
        return [replace(found, evidence={**found.evidence, **coverage}) for found in judgements]

    def coverage(self, version: int) -> tuple[int, int]:
        """Give how many rows a version served and how many of them have a label."""
        found = self._covered(version)
        return found.served, found.labelled

    def reference(self, version: int) -> Reference | None:
        """Give the yardstick of a version, None when its package is not known."""
        if version not in self._references and version in self._versions:
            self._references[version] = read_reference(self._packages / self._versions[version].digest)
        return self._references.get(version)

    def _of(self, version: int) -> list[Detector]:
        reference = self.reference(version)
        if reference is None:
            return []
        for name, config in self.config.items():
            if (name, version) not in self._detectors:
                self._detectors[name, version] = self._make(name, config, reference, version)
        return [self._detectors[name, version] for name in self.config]

    def _make(self, name: str, config: MonitorConfig, reference: Reference, version: int) -> Detector:
        if config.kind == "quality":
            return QualityDetector(name, config, self._yardstick(version, reference, config.tolerance))
        return DriftDetector(name, config, reference, partial(self._windows.cells, version))

    def _yardstick(self, version: int, own: Reference, tolerance: float) -> Reference:
        predecessor = self._versions[version].predecessor
        if predecessor is None or predecessor >= version:
            return own
        before = self.reference(predecessor)
        if before is not None:
            before = self._yardstick(predecessor, before, tolerance)
        return hold_to(own, before, tolerance=tolerance)

    def _covered(self, version: int) -> _Coverage:
        return self._coverage.setdefault(version, _Coverage())

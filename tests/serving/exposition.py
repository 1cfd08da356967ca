"""Read a metrics page strictly, as Prometheus text or as OpenMetrics."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SAMPLE = re.compile(r'([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
ENDS = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
    "info": ("_info",),
}


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


@dataclass
class Family:
    """What one metric says."""

    kind: str
    meaning: str
    samples: list[Sample] = field(default_factory=list)


def read_page(text: str, *, is_open: bool = False) -> dict[str, Family]:
    """Read a page; everything that the format forbids is an assertion."""
    assert text.endswith("# EOF\n" if is_open else "\n")
    families: dict[str, Family] = {}
    current = ""
    for line in text.removesuffix("# EOF\n").splitlines():
        if line.startswith("# HELP "):
            current, _, meaning = line.removeprefix("# HELP ").partition(" ")
            assert current not in families, f"{current} is there twice"
            families[current] = Family("", meaning)
        elif line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split()
            assert name == current
            families[name].kind = kind
        else:
            sample = _sample(line)
            family = families[current]
            ends = ("",) if family.kind == "counter" and not is_open else ENDS[family.kind]
            assert sample.name in {current + end for end in ends}, line
            family.samples.append(sample)
    for name, family in families.items():
        assert family.meaning, name
        assert family.kind, name
        if family.kind == "histogram":
            _check_histogram(name, family)
    return families


def _sample(line: str) -> Sample:
    found = SAMPLE.fullmatch(line)
    assert found, line
    labels = LABEL.findall(found[2] or "")
    assert len({name for name, _ in labels}) == len(labels), line
    return Sample(found[1], dict(labels), float(found[3]))


def _check_histogram(name: str, family: Family) -> None:
    series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    counts = {}
    for sample in family.samples:
        others = tuple(sorted((key, text) for key, text in sample.labels.items() if key != "le"))
        if sample.name == f"{name}_bucket":
            series.setdefault(others, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name == f"{name}_count":
            counts[others] = sample.value
    assert series.keys() == counts.keys()
    for others, buckets in series.items():
        assert buckets == sorted(buckets), f"{name}{others}: {buckets}"
        assert sorted(count for _, count in buckets) == [count for _, count in buckets]
        assert buckets[-1] == (float("inf"), counts[others])

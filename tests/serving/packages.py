"""Model packages small enough to be written by hand: a linear rule on two columns, no training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from mlwright.project import Project
from mlwright.registry import NewVersion, Registry, Version
from mlwright.store import canonical_json, digest_bytes

COLUMNS = [
    {"name": "amount", "type": "number", "nullable": True},
    {"name": "kind", "type": "string", "nullable": False},
    {"name": "at", "type": "timestamp", "nullable": True},
]
CONTRACT = {
    "format": 1,
    "columns": [
        {"name": "amount", "type": "number", "nullable": True, "min": -1e6, "max": 1e6, "allow_nan": False},
        {"name": "kind", "type": "string", "nullable": False, "levels": ["a", "b"], "closed": True},
        {"name": "at", "type": "timestamp", "nullable": True},
    ],
    "label": {"name": "is_fraud", "type": "integer", "values": [0, 1], "nullable": False},
    "ignored": ["customer_id"],
}
TRANSFORM = {
    "format": 1,
    "inputs": [{"name": column["name"], "type": column["type"]} for column in COLUMNS],
    "outputs": [
        {"name": "amount", "op": "scale", "column": "amount", "fill": 0.0, "mean": 0.0, "scale": 1.0},
        {"name": "kind=b", "op": "onehot", "column": "kind", "level": "b"},
    ],
}
REFERENCE = {
    "format": 1,
    "rows": 10_000,
    "columns": [
        {"name": "amount", "kind": "number", "edges": [50.0, 100.0], "counts": [5_000, 4_000, 1_000, 0]},
        {"name": "kind", "kind": "level", "levels": ["a", "b"], "counts": [7_000, 3_000, 0, 0, 0]},
    ],
    "score": {"edges": [0.5], "counts": [9_000, 1_000, 0]},
    "quality": {"positives": 1_000, "missed": 50, "negatives": 9_000, "false_alarms": 90},
}


def write_package(
    folder: Path, *, limit: float, name: str = "fraud", transform: Mapping[str, object] = TRANSFORM
) -> str:
    """Write the package of "fraud when amount > limit"; give its digest."""
    model = {
        "format": 1,
        "features": 2,
        "link": "sigmoid",
        "coefficients": [[1.0, 0.0]],
        "intercept": [-limit],
    }
    signature: dict[str, object] = {
        "kind": "columns",
        "inputs": COLUMNS,
        "outputs": [
            {"name": "prediction", "datatype": "INT64", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]},
            {"name": "score", "datatype": "FP64", "shape": [-1]},
        ],
        "classes": [0, 1],
        "positive": 1,
        "threshold": 0.5,
    }
    files: dict[str, object] = {
        "model.linear.json": model,
        "transform.json": transform,
        "contract.json": CONTRACT,
        "reference.json": REFERENCE,
        "evaluation.json": {},
    }
    return _write(folder, name, signature, files)


def _write(folder: Path, name: str, signature: dict[str, object], files: dict[str, object]) -> str:
    texts = {file: canonical_json(value).encode() for file, value in files.items()}
    manifest = {
        "format": 1,
        "name": name,
        "task": "binary",
        "engine": {"kind": "linear", "file": "model.linear.json"},
        "signature": signature,
        "files": {
            file: {"size": len(text), "sha256": digest_bytes(text), "mode": 0o644}
            for file, text in texts.items()
        },
        "provenance": {"run": "0" * 12, "data": [], "code": "0" * 64, "libraries": {}, "seed": 7},
        "licence": None,
    }
    written = canonical_json(manifest).encode()
    digest = digest_bytes(written)
    target = folder / digest
    target.mkdir(parents=True, exist_ok=True)
    for file, text in {**texts, "manifest.json": written}.items():
        (target / file).write_bytes(text)
        (target / file).chmod(0o644)
    return digest


def write_matrix_package(folder: Path, *, limit: float, name: str = "matrix") -> str:
    """Write the package of "fraud when the first number of two > limit" on a tensor; give its digest."""
    model = {
        "format": 1,
        "features": 2,
        "link": "sigmoid",
        "coefficients": [[1.0, 0.0]],
        "intercept": [-limit],
    }
    signature: dict[str, object] = {
        "kind": "tensor",
        "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}],
        "outputs": [{"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}],
        "classes": [0, 1],
        "positive": 1,
        "threshold": 0.5,
    }
    return _write(folder, name, signature, {"model.linear.json": model, "evaluation.json": {}})


def add_version(
    project: Project, *, limit: float, champion: bool = False, transform: Mapping[str, object] = TRANSFORM
) -> Version:
    """Register "fraud when amount > limit"."""
    digest = write_package(project.packages, limit=limit, transform=transform)
    registry = Registry(project.database)
    version = registry.register(
        NewVersion("fraud", digest, "binary", "linear", "run", "pass", {}), actor="test"
    )
    if champion:
        registry.move_alias("fraud", "champion", version.number, actor="test", reason="first")
    return version


MATRIX_DEPLOYMENT = """
[deployment.matrix]
model = "matrix@champion"
"""


def add_matrix_version(project: Project) -> Version:
    """Register and crown a model named `matrix` that takes a tensor."""
    digest = write_matrix_package(project.packages, limit=100)
    registry = Registry(project.database)
    version = registry.register(
        NewVersion("matrix", digest, "binary", "linear", "run", "pass", {}), actor="test"
    )
    registry.move_alias("matrix", "champion", version.number, actor="test", reason="first")
    return version


def corrupt(project: Project, version: Version) -> None:
    """Change one byte of a model, as a failing disk would."""
    path = project.packages / version.digest / "model.linear.json"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(bytes(data))


def repair(project: Project, version: Version, *, limit: float) -> None:
    """Write the package again."""
    shutil.rmtree(project.packages / version.digest)
    assert write_package(project.packages, limit=limit) == version.digest


def row(amount: float, kind: str = "a") -> dict[str, object]:
    return {"amount": amount, "kind": kind, "at": "2024-01-05T10:00:00", "customer_id": "c1"}


def body(*rows: dict[str, object], unit: str | None = None) -> bytes:
    request: dict[str, object] = {"rows": list(rows)}
    if unit is not None:
        request["unit"] = unit
    return json.dumps(request).encode()

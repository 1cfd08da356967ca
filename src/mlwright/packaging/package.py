"""Build a model package: a folder of data, named by the digest of its manifest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from mlwright.store import canonical_json, digest_bytes, publish_folder

FORMAT = 1
FILE_MODE = 0o644
MODEL_FILES: Mapping[str, str] = {
    "trees": "model.trees",
    "linear": "model.linear.json",
    "blend": "model.blend",
    "onnx": "model.onnx",
}
Engine: TypeAlias = Literal["trees", "linear", "blend", "onnx"]
JsonObject: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class Signature:
    """What goes in and comes out. `kind="columns"`: named columns; `kind="tensor"`: tensors as they are."""

    kind: Literal["columns", "tensor"]
    inputs: tuple[JsonObject, ...]
    outputs: tuple[JsonObject, ...] = ()
    classes: tuple[object, ...] = ()
    positive: object = None
    threshold: float | None = None

    def to_json(self) -> JsonObject:
        """Give the signature as the manifest holds it."""
        return {
            "kind": self.kind,
            "inputs": list(self.inputs),
            "outputs": list(self.outputs),
            "classes": list(self.classes),
            "positive": self.positive,
            "threshold": self.threshold,
        }


@dataclass(frozen=True)
class PackageContent:
    """Everything that goes into a package."""

    name: str
    task: str
    engine: Engine
    model: bytes
    signature: Signature
    documents: Mapping[str, JsonObject] = field(default_factory=dict)
    """JSON files by name: transform.json, contract.json, reference.json, evaluation.json."""
    card: str | None = None
    provenance: JsonObject = field(default_factory=dict)


def publish_package(packages: Path, content: PackageContent) -> str:
    """Write a package and give its digest; the same content again is the same package."""
    files = {MODEL_FILES[content.engine]: content.model}
    for name, document in content.documents.items():
        files[name] = canonical_json(document).encode()
    if content.card is not None:
        files["card.md"] = content.card.encode()
    manifest = canonical_json(_manifest(content, files)).encode()
    digest = digest_bytes(manifest)
    if (packages / digest).is_dir():
        return digest
    packages.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=packages, prefix=".staged-"))
    try:
        for name, data in {**files, "manifest.json": manifest}.items():
            path = staged / name
            path.write_bytes(data)
            path.chmod(FILE_MODE)
        staged.chmod(0o755)
        publish_folder(staged, packages / digest)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return digest


def column_outputs(task: str, classes: Sequence[object]) -> tuple[JsonObject, ...]:
    """Give the outputs of a package with named columns."""
    if task == "regression":
        return ({"name": "prediction", "datatype": "FP64", "shape": [-1]},)
    outputs: list[JsonObject] = [{"name": "prediction", "datatype": _datatype(classes), "shape": [-1]}]
    if task == "binary":
        outputs.append({"name": "score", "datatype": "FP64", "shape": [-1]})
    outputs.append({"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]})
    return tuple(outputs)


def _manifest(content: PackageContent, files: Mapping[str, bytes]) -> JsonObject:
    return {
        "format": FORMAT,
        "name": content.name,
        "task": content.task,
        "engine": {"kind": content.engine, "file": MODEL_FILES[content.engine]},
        "signature": content.signature.to_json(),
        "files": {
            name: {"size": len(data), "sha256": digest_bytes(data), "mode": FILE_MODE}
            for name, data in files.items()
        },
        "provenance": content.provenance,
        "licence": None,
    }


def _datatype(classes: Sequence[object]) -> str:
    first = classes[0]
    if isinstance(first, bool):
        return "BOOL"
    if isinstance(first, int):
        return "INT64"
    return "FP64" if isinstance(first, float) else "BYTES"

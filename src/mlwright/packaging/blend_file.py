"""`model.blend`, a file of the Rust kernels (docs/reference/formats.md): a forest and networks, added up."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlwright.packaging.forest import Link

Floats = npt.NDArray[np.float64]

MAGIC = b"MLWBLND1"
PADDED = 8


@dataclass(frozen=True)
class Network:
    """Layers as weights `[inputs, outputs]` and bias over some columns of a row.

    Between layers, what is below zero is cut off. Numbers of a column beyond `limit` count as that far. One
    layer is a linear model.
    """

    columns: tuple[int, ...]
    layers: tuple[tuple[Floats, Floats], ...]
    limit: float | None = None


@dataclass(frozen=True)
class Line:
    """Corners of a rising line through the sum, which goes on with a slope of 1 on both sides."""

    knots: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class BlendFile:
    """What the file holds. `trees` is the file of a forest with the link "identity"."""

    features: int
    outputs: int
    link: Link
    trees: bytes | None
    networks: tuple[Network, ...]
    line: Line | None = None

    def to_bytes(self) -> bytes:
        """Give the file."""
        header = {
            "features": self.features,
            "outputs": self.outputs,
            "link": self.link,
            "has_trees": self.trees is not None,
            "networks": [_plain(network) for network in self.networks],
            "line": None
            if self.line is None
            else {"knots": list(self.line.knots), "values": list(self.line.values)},
        }
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        out = MAGIC + struct.pack("<I", len(text)) + text
        return out if self.trees is None else out + b"\0" * (-len(out) % PADDED) + self.trees


def read_blend(data: bytes) -> BlendFile:
    """Read what `to_bytes` gave."""
    length = struct.unpack_from("<I", data, len(MAGIC))[0]
    end = len(MAGIC) + 4 + length
    header = json.loads(data[len(MAGIC) + 4 : end])
    line = header["line"]
    return BlendFile(
        header["features"],
        header["outputs"],
        header["link"],
        data[end + -end % PADDED :] if header["has_trees"] else None,
        tuple(_network(network) for network in header["networks"]),
        None if line is None else Line(tuple(line["knots"]), tuple(line["values"])),
    )


def forest_in(path: Path) -> bytes | None:
    """Give the forest in the model file of a package, or None."""
    if path.name == "model.trees":
        return path.read_bytes()
    return read_blend(path.read_bytes()).trees if path.name == "model.blend" else None


def _plain(network: Network) -> dict[str, object]:
    return {
        "columns": list(network.columns),
        "limit": network.limit,
        "layers": [{"weights": weights.tolist(), "bias": bias.tolist()} for weights, bias in network.layers],
    }


def _network(plain: dict[str, object]) -> Network:
    layers, limit, columns = plain["layers"], plain["limit"], plain["columns"]
    assert isinstance(layers, Sequence)
    assert isinstance(columns, Sequence)
    found = []
    for layer in layers:
        bias = np.array(layer["bias"], dtype=np.float64)
        found.append((np.array(layer["weights"], dtype=np.float64).reshape(-1, len(bias)), bias))
    assert limit is None or isinstance(limit, int | float)
    return Network(tuple(columns), tuple(found), limit)

"""Ask the compiled core whether a package is what its name says, before the server is told of it."""

from __future__ import annotations

from pathlib import Path

from mlwright import native
from mlwright.errors import PackageCorrupt


def check_package(packages: Path, digest: str) -> None:
    """Verify every byte of a package.

    Raises `PackageCorrupt`.
    """
    try:
        native.verify_package(str(packages / digest), digest)
    except native.NativeError as cause:
        raise PackageCorrupt(
            f"the package {digest[:12]} is missing or differs from its manifest",
            hint="restore the folder from a copy, or choose another version with `mlwright model list`",
            digest=digest,
        ) from cause

"""mlwright: from a table to a live, watched, self-renewing model service."""

from __future__ import annotations

from mlwright._version import __version__
from mlwright.errors import MlwrightError

__all__ = ["MlwrightError", "__version__"]

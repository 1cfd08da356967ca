"""The port behind which deployments run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mlwright.deployment.document import Document


@dataclass(frozen=True)
class Applied:
    """How a target took a document; `epoch` is the one it serves now."""

    is_running: bool
    is_applied: bool
    epoch: int
    problem: str | None = None


class Target(Protocol):
    """A place that can run model packages.

    Obligations. `apply` is idempotent: the same document again changes nothing and succeeds, and an older
    epoch never replaces a newer one. It returns only when requests are answered by the new document, or says
    in `Applied` why not; a document that cannot be loaded changes nothing and the old one keeps serving. No
    request fails because of a change. The target owns what it loaded and frees it after the last request
    on it. Both methods may be called from any process of the project, one call at a time per process. They
    raise `ServerError` only when the target cannot be reached while it should run.
    """

    def apply(self, document: Document) -> Applied:
        """Make the target serve a document."""
        ...

    def look(self) -> Applied:
        """Say what the target serves now, changing nothing."""
        ...

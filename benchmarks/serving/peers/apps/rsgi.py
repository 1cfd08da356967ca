"""A bare RSGI application for granian."""

from __future__ import annotations

from typing import Any

from scoring import answer

HEADERS = [("content-type", "application/json")]


async def app(scope: Any, protocol: Any) -> None:
    """Answer POST with a prediction and GET with an empty object."""
    out = answer(await protocol()) if scope.method == "POST" else b"{}"
    protocol.response_bytes(200, HEADERS, out)

"""A bare ASGI application: no framework between server and model."""

from __future__ import annotations

from typing import Any

from scoring import answer


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer POST with a prediction and GET with an empty object."""
    if scope["type"] != "http":
        return
    out = b"{}"
    if scope["method"] == "POST":
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        out = answer(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(out)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": out})

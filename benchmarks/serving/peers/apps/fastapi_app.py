"""FastAPI without its validation: an async handler, the raw body, the raw answer."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from scoring import answer

app = FastAPI(openapi_url=None)


@app.get("/ready")
async def ready() -> Response:
    """Say that the model is loaded."""
    return Response(b"{}", media_type="application/json")


@app.post("/v1/models/bench:predict")
async def predict(request: Request) -> Response:
    """Answer with a prediction."""
    return Response(answer(await request.body()), media_type="application/json")

from __future__ import annotations

from pathlib import Path

import pytest

from mlwright.commands.bench_serve import Asking, BenchServeRequest, read_url, target_of
from mlwright.errors import MlwrightError, UsageError


def target(tmp_path: Path, **asking: object) -> object:
    asked = Asking(**({"url": "http://localhost:1/x"} | asking))  # type: ignore[arg-type]
    return target_of(asked, BenchServeRequest(tmp_path, asked))


def test_addresses_are_taken_apart() -> None:
    assert read_url("http://[::1]:80/a?b=c", None) == ("http", "::1", 80, "/a?b=c")
    assert read_url("http://host", "/v2") == ("http", "host", 80, "/v2")
    assert read_url("grpc://host:8001/a.B/C", None) == ("grpc", "host", 8001, "/a.B/C")
    for url in (
        "https://x",
        "ftp://x",
        "host:80",
        "http://",
        "grpc://x/a.B/C",
        "grpc://x:1/a",
        "http://x:port",
    ):
        with pytest.raises(UsageError) as caught:
            read_url(url, None)
        assert caught.value.hint


def test_bodies_and_headers_come_from_the_caller(tmp_path: Path) -> None:
    lines = tmp_path / "bodies.jsonl"
    lines.write_text('{"a": 1}\n\n{"a": 2}\n')
    found = target(tmp_path, bodies=lines, headers=("X-Key: a:b", "Content-Type: text/csv"))
    assert getattr(found, "bodies", None) == (b'{"a": 1}', b'{"a": 2}')
    assert dict(getattr(found, "headers", ())) == {"content-type": "text/csv", "x-key": "a:b"}
    assert getattr(target(tmp_path, body=f"@{lines}"), "bodies", None) == (lines.read_bytes(),)
    messages = tmp_path / "messages"
    messages.write_text("AAEC\n/w==\n")
    grpc = target(tmp_path, url="grpc://h:1/a.B/C", bodies=messages)
    assert getattr(grpc, "bodies", None) == (b"\0\1\2", b"\xff")


def test_what_cannot_be_sent_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "text").write_text("{not base64}\n")
    for asking in (
        {"headers": ("no colon",)},
        {"body": "x", "bodies": tmp_path / "empty"},
        {"bodies": tmp_path / "empty"},
        {"bodies": tmp_path / "missing"},
        {"url": "grpc://h:1/a.B/C", "bodies": tmp_path / "text"},
        {"url": None},
    ):
        with pytest.raises(MlwrightError) as caught:
            target(tmp_path, **asking)
        assert caught.value.hint

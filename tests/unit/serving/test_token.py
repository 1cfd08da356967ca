from __future__ import annotations

from pathlib import Path

from mlwright.serving import ensure_token, read_token


def test_a_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "run" / "token"
    assert read_token(path) is None
    token = ensure_token(path)
    assert len(token) >= 40
    assert ensure_token(path) == token == read_token(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_projects_have_different_tokens(tmp_path: Path) -> None:
    assert ensure_token(tmp_path / "a") != ensure_token(tmp_path / "b")

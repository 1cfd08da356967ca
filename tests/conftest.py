"""What every test may use."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "promise(*ids): the promises of tests/requirements.py that this test proves"
    )
    config.addinivalue_line("markers", "slow: runs with `make test-full` only")

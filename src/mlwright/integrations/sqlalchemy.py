"""Queries to databases that SQLAlchemy has a dialect for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

ERRORS: tuple[type[Exception], ...] = (SQLAlchemyError, ImportError)


@contextmanager
def run_query(url: str, query: str) -> Iterator[tuple[list[str], Any]]:
    """Give the names of a query's columns and its rows; the transaction is never committed."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            options = {"stream_results": True, "no_parameters": True}
            result = connection.execution_options(**options).exec_driver_sql(query)
            yield list(result.keys()) if result.returns_rows else [], result
    finally:
        engine.dispose()


def cause_of(problem: Exception) -> BaseException:
    """Give what the database said, which holds no password."""
    return problem.orig if isinstance(problem, DBAPIError) and problem.orig is not None else problem

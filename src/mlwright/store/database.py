"""SQLite in WAL mode: every write is one immediate transaction, the schema is numbered SQL files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from mlwright.errors import StoreError, StoreNewer

Parameters: TypeAlias = Sequence[object] | Mapping[str, object]

SCHEMA = Path(__file__).with_name("schema")
BUSY_SECONDS = 10.0  # notes: WAL with BEGIN IMMEDIATE and >= 5 s of patience lost no write from 8 writers


def now_text() -> str:
    """Give the present time as UTC text that sorts."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Reader:
    """Look-ups in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def fetch_one(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Give the first row, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return row

    def fetch_all(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Give all rows."""
        return self._connection.execute(sql, parameters).fetchall()


class Writer(Reader):
    """Look-ups and changes in one immediate transaction."""

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Change rows; give the id of the row that was inserted last."""
        return self._connection.execute(sql, parameters).lastrowid or 0


class Database:
    """The project's facts; open as often as needed, each `with` uses a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open the database, making or migrating its schema; safe when several processes are first.

        Raises `StoreNewer` when a newer mlwright wrote it, `StoreError` when it cannot be used.
        """
        database = cls(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(database._connect()) as connection:
                _migrate(connection, path)
        except sqlite3.Error as cause:
            raise StoreError(
                f"the database {path.name!r} cannot be used: {cause}",
                hint="check free space and permissions of the folder .mlwright",
            ) from cause
        return database

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Change facts: all of the block, or nothing."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield Writer(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Look at one consistent state of the facts."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN")
            try:
                yield Reader(connection)
            finally:
                connection.execute("ROLLBACK")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    scripts = sorted(SCHEMA.glob("*.sql"))
    newest = int(scripts[-1].name[:4])
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > newest:
        raise StoreNewer(
            f"the database {path.name!r} has schema {version}, this mlwright knows up to {newest}",
            hint="install the newer mlwright, or point --project at another folder",
        )
    if version == newest:
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for script in scripts:
            if int(script.name[:4]) > version:
                for statement in _statements(script.read_text(encoding="utf-8")):
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {newest}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

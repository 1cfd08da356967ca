"""The store keeps what it was given, whoever else writes and whenever it dies."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlwright.errors import Locked, StoreNewer
from mlwright.store import (
    BlobStore,
    Database,
    FileLock,
    audit,
    canonical_json,
    publish_folder,
    verify_audit,
    write_atomic,
)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.open(tmp_path / "meta.sqlite")


@pytest.mark.promise("store.writers")
def test_many_writers_lose_nothing(database: Database) -> None:
    def write(number: int) -> None:
        own = Database.open(database.path)
        for item in range(25):
            with own.write() as tx:
                row = tx.fetch_one("SELECT count(*) AS n FROM audit")
                assert row is not None
                audit(tx, actor=f"w{number}", action="tested", target=f"{item}", facts={"before": row["n"]})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with database.read() as tx:
        befores = [row["facts"] for row in tx.fetch_all("SELECT facts FROM audit ORDER BY id")]
    assert befores == [canonical_json({"before": number}) for number in range(200)]
    assert verify_audit(database) is None


@pytest.mark.promise("store.writers")
def test_first_use_is_safe_for_many_processes_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mlwright.store import Database\n"
        "Database.open(Path(sys.argv[1]))"
    )
    path = str(tmp_path / "new" / "meta.sqlite")
    children = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in range(6)]
    assert [child.wait(30) for child in children] == [0] * 6


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as tx:
        audit(tx, actor="a", action="b", target="c", facts={})
        raise RuntimeError
    with database.read() as tx:
        assert tx.fetch_all("SELECT * FROM audit") == []


@pytest.mark.promise("store.append-only")
def test_history_cannot_be_changed_and_the_chain_shows_it_if_it_was(database: Database) -> None:
    for number in range(3):
        with database.write() as tx:
            audit(tx, actor="a", action="b", target=str(number), facts={})
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), database.write() as tx:
        tx.execute("UPDATE audit SET actor = 'x'")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), database.write() as tx:
        tx.execute("DELETE FROM audit")
    with database.write() as tx:
        tx.execute("DROP TRIGGER audit_no_update")
        tx.execute("UPDATE audit SET actor = 'x' WHERE id = 2")
    assert verify_audit(database) == 2


def test_a_newer_database_is_left_alone(database: Database) -> None:
    with sqlite3.connect(database.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreNewer) as caught:
        Database.open(database.path)
    assert caught.value.hint


@pytest.mark.promise("store.idempotent")
def test_publishing_a_folder_twice_succeeds_and_keeps_the_first(tmp_path: Path) -> None:
    for attempt in range(2):
        staged = tmp_path / f"staged-{attempt}"
        staged.mkdir()
        (staged / "file").write_text("content")
        publish_folder(staged, tmp_path / "final")
        assert not staged.exists()
    assert (tmp_path / "final" / "file").read_text() == "content"


@pytest.mark.promise("store.idempotent")
def test_a_blob_is_kept_once_under_its_hash(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    digest = blobs.put(b"abc")
    assert blobs.put(b"abc") == digest
    assert digest.startswith("ba7816bf")
    assert blobs.get(digest) == b"abc"
    assert [path.name for path in blobs.root.iterdir()] == [digest]


def test_an_atomic_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_atomic(target, b"old")
    with pytest.raises(TypeError):
        write_atomic(target, "text")  # type: ignore[arg-type]  # the failure under test
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    with FileLock(path, purpose="`mlwright up`"):
        with pytest.raises(Locked, match="process [0-9]+"), FileLock(path, purpose="`mlwright up`"):
            pass
    with FileLock(path, purpose="`mlwright up`"):
        pass

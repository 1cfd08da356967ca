"""The rows of a project's source: named by their content before a run, read by its first step."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from mlwright.data import digest_files, find_files, is_database_url, sqlite_file
from mlwright.data.database_url import SECRET
from mlwright.errors import SourceUnreadable
from mlwright.project import DataConfig, Project

if TYPE_CHECKING:
    import polars as pl

QUERY = "query:"


def source_digests(project: Project) -> list[str]:
    """Name what the source holds now.

    Files are named by their bytes. A query is run, and its rows are kept under the digest of their content:
    the run that follows reads those, whatever the database holds by then. Raises `SourceUnreadable`.
    """
    data = project.config.data
    if not data.source:
        raise SourceUnreadable(
            "[data] names no `source`", hint='say which file to learn from: `source = "…"`'
        )
    if not _is_query(data):
        return digest_files(project.database, find_files(project.root, data.source))
    from mlwright.data import open_source

    frame = open_source(project.root, data.source, data.sql).read()
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="lz4")
    return [QUERY + project.blobs.put(buffer.getvalue())]


def source_rows(project: Project, digests: list[str]) -> pl.DataFrame:
    """Read the rows that `source_digests` named."""
    import polars as pl

    from mlwright.data import open_source

    data = project.config.data
    if digests[:1] and digests[0].startswith(QUERY):
        return pl.read_ipc(project.blobs.get(digests[0].removeprefix(QUERY)))
    return open_source(project.root, data.source, data.sql).read()


def source_files(project: Project) -> list[Path]:
    """List the files behind the source that are there; those of a database server are not."""
    data = project.config.data
    if not data.source:
        return []
    if not _is_query(data):
        try:
            return [file.path for file in find_files(project.root, data.source)]
        except SourceUnreadable:
            return []
    url = data.source if isinstance(data.source, str) else data.source[0]
    if url.startswith(SECRET) or not url.startswith("sqlite:"):
        return []
    path = project.root / sqlite_file(url)
    return [file for file in (path, path.with_name(path.name + "-wal")) if file.is_file()]


def _is_query(data: DataConfig) -> bool:
    names = (data.source,) if isinstance(data.source, str) else data.source
    return data.sql is not None or any(is_database_url(name) for name in names)

"""Databases by their URL: which texts are one, where they are, and how not to write down a password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from mlwright.errors import SourceUnreadable, UsageError

SQLITE = "sqlite:///"
SECRET = "env:"  # noqa: S105  # the mark of one
URL_FORM = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "http", "https", "hdfs", "ftp", "file"})


def is_database_url(name: str) -> bool:
    """Tell a database from a file; `env:NAME` is a database whose URL the environment holds.

    Raises `SourceUnreadable` for the URL of a file.

    >>> is_database_url("sqlite:///shop.db"), is_database_url("env:SHOP_URL"), is_database_url("shop.csv")
    (True, True, False)
    """
    if name.startswith(SECRET):
        return True
    if not URL_FORM.match(name):
        return False
    scheme = name.partition(":")[0].lower()
    if scheme in STORES:
        raise SourceUnreadable(
            f"{name!r} is a file that is not on this machine", hint="download it first, and name the copy"
        )
    return True


def open_url(name: str, root: Path, environ: Mapping[str, str]) -> str:
    """Give the URL itself: from the environment where the name says so, SQLite files from `root`.

    Raises `UsageError` when the environment lacks it.

    >>> open_url("sqlite:///shop.db", Path("/data"), {})
    'sqlite:////data/shop.db'
    """
    if name.startswith(SECRET):
        variable = name.removeprefix(SECRET)
        if variable not in environ:
            raise UsageError(
                f"the environment has no {variable!r}",
                hint=f"set {variable} to the URL of the database, like postgresql://user:password@host/name",
            )
        name = environ[variable]
    return SQLITE + str(root / sqlite_file(name)) if name.startswith("sqlite:") else name


def sqlite_file(url: str) -> Path:
    """Give the file of an SQLite URL. Raises `UsageError` unless it has the usual form.

    >>> sqlite_file("sqlite:///shop.db"), sqlite_file("sqlite:////data/shop.db")
    (PosixPath('shop.db'), PosixPath('/data/shop.db'))
    """
    if not url.startswith(SQLITE) or url == SQLITE:
        raise UsageError(
            f"{url!r} names no SQLite file", hint="write sqlite:///shop.db, or sqlite:////data/shop.db"
        )
    return Path(url.removeprefix(SQLITE)).expanduser()


def require_no_password(name: str) -> None:
    """Raise `UsageError` for a URL with a password, which must not stand in `mlwright.toml`."""
    if not name.startswith(SECRET) and urlsplit(name).password:
        raise UsageError(
            "this URL holds a password, which would be written into mlwright.toml",
            hint="set an environment variable to the URL and pass --data env:ITS_NAME",
        )


def shown_url(url: str) -> str:
    """Write a URL without its password.

    >>> shown_url("postgresql://ann:secret@db/shop")
    'postgresql://ann:***@db/shop'
    """
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)

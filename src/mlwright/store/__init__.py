"""Facts in SQLite, bytes in blobs named by their hash."""

from mlwright.store.audit import audit, verify_audit
from mlwright.store.blobs import BlobStore, publish_folder, write_atomic
from mlwright.store.database import Database, Reader, Writer, now_text
from mlwright.store.hashing import canonical_json, digest_bytes, digest_file, digest_json
from mlwright.store.lock import FileLock

__all__ = [
    "BlobStore",
    "Database",
    "FileLock",
    "Reader",
    "Writer",
    "audit",
    "canonical_json",
    "digest_bytes",
    "digest_file",
    "digest_json",
    "now_text",
    "publish_folder",
    "verify_audit",
    "write_atomic",
]

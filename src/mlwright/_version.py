"""The version, without importing package metadata; a test holds it to Cargo.toml."""

__version__ = "0.1.0"

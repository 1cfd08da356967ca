"""The package format, conversion of models into it, and the gate that holds it to the trained model."""

from mlwright.packaging.runtime_library import find_runtime_library

__all__ = ["find_runtime_library"]

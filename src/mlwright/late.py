"""Names of a package that are imported when they are first asked for: a process imports what it needs."""

from collections.abc import Callable, Mapping
from importlib import import_module


def late_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Give a package its `__getattr__`; `homes` holds the names of each of its modules, with spaces between.

    >>> late_names("mlwright", {"errors": "MlwrightError"})("MlwrightError").__name__
    'MlwrightError'
    """
    places = {name: module for module, names in homes.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{places[name]}"), name)

    return find

"""`python -m mlwright` and the `mlwright` script."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from mlwright._version import __version__

        sys.stdout.write(f"mlwright {__version__}\n")
        return
    from mlwright.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

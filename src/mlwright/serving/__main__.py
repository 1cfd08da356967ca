"""The server as a process of its own: `python -m mlwright.serving CONFIG.json`."""

from __future__ import annotations

import sys
from pathlib import Path

from mlwright import native

if __name__ == "__main__":
    sys.exit(native.serve(Path(sys.argv[1]).read_text(encoding="utf-8")))

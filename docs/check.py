"""Refuse dead links, absolute machine paths and an ARCHITECTURE.md that is too long or misses a part."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"|!\[[^\]]*\]\(([^)\s]+)\)")
MACHINE_PATH = re.compile(r"(?:^|[\s\"'`(=])/(?:root|home|work|Users)/\w")
MAP_LINES = 120


def main() -> int:
    """Print every problem; fail when there is one."""
    problems = [*dead_links(), *machine_paths(), *map_problems()]
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def tracked(*patterns: str) -> list[Path]:
    """List files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],  # noqa: S607  # git from PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def dead_links() -> list[str]:
    """Find links of documents to files or headings that are not there."""
    found = []
    for path in tracked("*.md"):
        for groups in LINK.findall(path.read_text(encoding="utf-8")):
            link = next(part for part in groups if part)
            if re.match(r"[a-z]+:", link):
                continue
            name, _, heading = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists():
                found.append(f"{path.relative_to(ROOT)}: dead link {link!r}")
            elif heading and target.suffix == ".md" and heading not in headings(target):
                found.append(f"{path.relative_to(ROOT)}: no heading {heading!r} in {name or path.name}")
    return found


def headings(path: Path) -> set[str]:
    """Give the anchors of a document's headings."""
    lines = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).strip().replace(" ", "-") for line in lines}


def machine_paths() -> list[str]:
    """Find absolute paths of one machine in what would be committed."""
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path.name != "Cargo.lock" and path != Path(__file__) and MACHINE_PATH.search(text):
            found.append(f"{path.relative_to(ROOT)}: an absolute path of one machine")
    return found


def map_problems() -> list[str]:
    """Hold ARCHITECTURE.md to its length and to the parts that exist."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    found = []
    if (lines := text.count("\n")) > MAP_LINES:
        found.append(f"ARCHITECTURE.md has {lines} lines, at most {MAP_LINES} make a map")
    packages = [path.parent.name for path in (ROOT / "src" / "mlwright").glob("*/__init__.py")]
    crates = [path.parent.name for path in (ROOT / "crates").glob("*/Cargo.toml")]
    found += [
        f"ARCHITECTURE.md does not name {name!r}" for name in packages + crates if f"`{name}`" not in text
    ]
    return found


if __name__ == "__main__":
    sys.exit(main())

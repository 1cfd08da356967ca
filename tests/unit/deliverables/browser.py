"""A headless browser that tells what it sees of a page: faults, requests, and what does not fit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

LOOK = """
<script>addEventListener("load",()=>{
const wide=[...document.querySelectorAll("body *")].filter(e=>!e.closest("svg,.scroll,details"))
.filter(e=>e.getBoundingClientRect().right>innerWidth+1).map(e=>e.tagName);
const texts=[...document.querySelectorAll("svg")].flatMap(s=>{const box=s.getBoundingClientRect();
return [...s.querySelectorAll("text")].filter(t=>{const b=t.getBoundingClientRect();
return b.width&&(b.left<box.left-2||b.right>box.right+2||b.top<box.top-2||b.bottom>box.bottom+2)})
.map(t=>t.firstChild.textContent)});
const body=getComputedStyle(document.body);
document.body.setAttribute("data-seen",JSON.stringify({wide,texts,scroll:document.documentElement.scrollWidth,
width:document.documentElement.clientWidth,ink:body.color,page:body.backgroundColor,requests:performance.getEntriesByType("resource").length,
charts:[...document.querySelectorAll("svg")].map(s=>s.getBoundingClientRect().height)}))})</script></body>
"""
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@dataclass(frozen=True)
class Seen:
    """What a browser saw; `faults` are lines of its console."""

    faults: list[str]
    facts: dict[str, object]


def find_browser() -> str:
    """Give a browser, or skip the test."""
    found = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    return found


def look(page: Path, folder: Path, *, width: int = 1100, is_dark: bool = False, asks: bool = True) -> Seen:
    """Open a page without a network; with `asks` in a copy that measures itself, else as it is."""
    opened = page
    if asks:
        opened = folder / f"asked-{width}.html"
        text = POLICY.sub("", page.read_text(encoding="utf-8"))
        opened.write_text(text.replace("</body>", LOOK), encoding="utf-8")
    command = [
        *(find_browser(), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
        *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}"),
        *(["--blink-settings=preferredColorScheme=0"] if is_dark else []),
        *(f"--window-size={width},900", "--dump-dom", opened.resolve().as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    faults = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    found = re.search(r'data-seen="([^"]*)"', done.stdout)
    facts = json.loads(found[1].replace("&quot;", '"').replace("&amp;", "&")) if found else {}
    return Seen(faults, facts)

"""A browser without a window, if there is one: a page as it stands after its script has run."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open a page with")


def opened(page: Path, view: str = "") -> str:
    """The elements of a page, as markup, when it is opened at a view."""
    return _chromium("--dump-dom", f"{page.as_uri()}#{view}")


def screenshot(page: Path, to: Path, view: str = "", size: str = "1300,1500") -> None:
    """Take a picture of a page."""
    _chromium(f"--screenshot={to}", f"--window-size={size}", f"{page.as_uri()}#{view}")


def _chromium(*arguments: str) -> str:
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="edge-all-browser-") as profile:
        done = subprocess.run(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--disable-dev-shm-usage", f"--user-data-dir={profile}", "--no-first-run"),
                *("--disable-extensions", "--disable-background-networking"),
                *("--disable-component-update", "--disable-default-apps", "--disable-sync"),
                *("--virtual-time-budget=10000", *arguments),
            ],
            capture_output=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def status(markup: str) -> str:
    """What the page says it shows."""
    found = re.search(r'id="status"[^>]*>([^<]*)<', markup)
    assert found
    return found[1]


def cards(markup: str) -> list[tuple[str, float, str]]:
    """Decision, probability and name of every cell that is shown, in order."""
    found = re.findall(
        r'<p class="decision">\S (\w+) ([\d.]+)</p>.*?<p class="name">(.*?)</p>', markup, re.DOTALL
    )
    return [(decision, float(p), name) for decision, p, name in found]

"""The pages as a site: mkdocs leaves none out and finds nothing wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import environment, run

ROOT = Path(__file__).parents[2]


@pytest.mark.slow  # sets up an environment; test_docs.py holds the links
def test_mkdocs_builds_it_strictly(tmp_path: Path) -> None:
    mkdocs = environment(tmp_path / "environment", "mkdocs==1.6.1") / "mkdocs"
    site = tmp_path / "site"
    run(mkdocs, "build", "--strict", "--config-file", ROOT / "mkdocs.yml", "--site-dir", site)
    pages = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    made = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}
    assert pages | {Path("changelog.md")} == made - {Path("404.md")}
    assert "0.2.0" in (site / "changelog.html").read_text(encoding="utf-8")

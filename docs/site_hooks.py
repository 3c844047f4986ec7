"""What mkdocs does not know of: the changelog lies above the pages, and so does what they name.

Called by mkdocs.yml, while ``mkdocs build`` runs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_ABOVE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")


def on_files(files: Any, config: Any) -> Any:
    """Take the changelog in, as a page beside the others."""
    from mkdocs.structure.files import File

    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "](")
    files.append(File.generated(config, "changelog.md", content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead to the changelog; of files of the repository that are no pages only the name stays."""
    return _ABOVE.sub(r"\1", markdown.replace("](../CHANGELOG.md", "](changelog.md"))

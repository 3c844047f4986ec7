"""Blocks of code in Markdown pages: run them as a reader would, compare what they print.

A console block holds commands after ``$`` and what they print. Numbers, hashes and what a machine
is called may differ; a line ``...`` stands for any lines. A block that cannot run in a test says
why in a comment before it: ``<!-- not run: trains for hours -->``.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
RUN = ("console", "python")
"""Languages that are run."""
SHOWN = ("text", "sql")
"""Languages that are only read."""

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<why>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_BUILD_PAGE = "<!-- build side -->"
_BUILD_SIDE = re.compile(
    r"edge-all-(train|calibrate|convert)|\b(from|import) (train|calibration|convert)\b"
    r"|make (convert|docs|test|study|train|release|reports)"
)
_PROGRAMS = {
    "edge-all": "edge.cli.main",
    "edge-all-train": "train.__main__",
    "edge-all-calibrate": "calibration.__main__",
    "edge-all-convert": "convert.__main__",
}
_IN_A_CLONE = (
    *("edge", "calibration", "convert", "train", "benchmarks", "docs", "studies"),
    *("Makefile", "pyproject.toml"),
)  # and not what somebody has left beside it, which commands would write into
_MASKS = (  # in this order
    (re.compile(r"\b[0-9a-f]{12,}\b"), "#"),
    (re.compile(r"\d(?:[\d.,]*\d)?"), "#"),
    (re.compile(r"^(machine|processor|int# help|library|runtime|in use) .*", re.MULTILINE), r"\1"),
    (re.compile(r"runtime [\w-]+ #"), "runtime #"),
    (re.compile(r"[ \t]+"), " "),
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes
    ----------
    page : pathlib.Path
    line : int
        Of its first line in the page, from 1.
    language : str
        As the page names it; empty if it does not.
    text : str
    why_not_run : str or None
        What the comment before it says.
    is_of_build_page : bool
        Whether a comment says that all of the page is of the build side.
    """

    page: Path
    line: int
    language: str
    text: str
    why_not_run: str | None
    is_of_build_page: bool = False

    @property
    def place(self) -> str:
        """Where it stands, as an editor opens it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Whether a test runs it."""
        return self.language in RUN and self.why_not_run is None

    @property
    def is_build_side(self) -> bool:
        """Whether it needs what a device does not have."""
        return self.is_of_build_page or bool(_BUILD_SIDE.search(self.text))


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, found.start("text")) + 1,
            language=found["language"],
            text=found["text"],
            why_not_run=found["why"],
            is_of_build_page=_BUILD_PAGE in text,
        )
        for found in _BLOCK.finditer(text)
    ]


class Reader:
    """Somebody with a fresh clone, who types what the pages say.

    Nothing is installed again: ``pip`` does nothing, and the commands are those of this copy.

    Parameters
    ----------
    home : pathlib.Path
        An empty folder.
    """

    def __init__(self, home: Path) -> None:
        self.clone = home / "clone"
        self.clone.mkdir()
        for name in _IN_A_CLONE:
            (self.clone / name).symlink_to(ROOT / name)
        programs = home / "bin"
        programs.mkdir()
        python = _quote(sys.executable)
        for name, module in _PROGRAMS.items():
            code = f"from {module} import main; main()"
            _write_program(programs / name, f'exec {python} -c {_quote(code)} "$@"')
        _write_program(programs / "pip", "exit 0")
        make_venv = f'[ "$1 $2" = "-m venv" ] && mkdir "$3" && ln -s {_quote(programs)} "$3/bin"'
        _write_program(programs / "python3", f'{make_venv} || exec {python} "$@"')
        (programs / "python").symlink_to("python3")
        self._environment = {
            **outside_make(),
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHON": str(programs / "python3"),
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }

    def read(self, block: Block) -> None:
        """Run a block, and compare what it prints.

        Raises
        ------
        AssertionError
            If it prints something else, or a Python program fails.
        """
        if block.language == "python":
            program = self.clone / "program.py"
            program.write_text(block.text, encoding="utf-8")
            done = self._run("python3", program.name)
            assert done.returncode == 0, f"{block.place} fails:\n{done.stdout}"
            return
        for command, expected in commands_of(block.text):
            printed = self._run("bash", "-c", command).stdout.replace(f"{self.clone}/", "")
            assert is_like(printed, expected), (
                f"{block.place}: {command}\n{_difference(expected, printed)}\n\n{printed}"
            )

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.clone,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )


def outside_make() -> dict[str, str]:
    """Environment of a shell in which no make runs: one above the tests hands its variables on."""
    given = {"DATA", "EPOCHS", "CROPS", "MODELS", "CELLS", "NETWORKS", "MANY", "LEGACY_PYTHON"}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in given and not name.startswith(("MAKE", "MFLAGS"))
    }


def commands_of(console: str) -> list[tuple[str, str]]:
    """Commands of a console block, each with what it prints."""
    before, *parts = re.split(r"^\$ ", console, flags=re.MULTILINE)
    assert not before, f"a console block begins with $: {before!r}"
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def is_like(printed: str, expected: str) -> bool:
    """Whether a text is what was expected, but for what may differ."""
    lines = masked(expected).splitlines()
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in lines)
    text = masked(printed)
    return (
        re.fullmatch(pattern, text if text.endswith("\n") or not text else f"{text}\n") is not None
    )


def _difference(expected: str, printed: str) -> str:
    page, found = masked(expected).splitlines(), masked(printed).splitlines()
    return "\n".join(difflib.unified_diff(page, found, "page", "printed", lineterm=""))


def masked(text: str) -> str:
    """A text without what differs from machine to machine and from run to run."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return "".join(f"{line.strip()}\n" for line in text.splitlines())


def _write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def _quote(word: object) -> str:
    return shlex.quote(str(word))

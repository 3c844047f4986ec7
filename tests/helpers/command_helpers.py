"""Run ``edge-all`` in this process, as a shell would."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from edge.cli.main import main

EDGE_ALL = [sys.executable, "-c", "from edge.cli.main import main; main()"]
"""The same as a process of its own."""


@dataclass(frozen=True)
class Done:
    """What a command line printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


def edge_all(*arguments: object, **environment: str) -> Done:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    exit_code: object = 0
    environment = {"COLUMNS": "200", "NO_COLOR": "1", **environment}
    with patch.dict(os.environ, environment), redirect_stdout(out), redirect_stderr(err):
        try:
            main([*map(str, arguments)])
        except SystemExit as end:
            exit_code = end.code
    assert isinstance(exit_code, int)
    return Done(exit_code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]

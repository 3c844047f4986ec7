"""``edge-all doctor``: what this machine has and what is missing."""

from __future__ import annotations

import argparse

from edge.cli.command import one_sentence
from edge.cli.options import add_model as describe
from edge.wording import printable_lines

__all__ = ["describe", "run"]


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Print what :func:`edge.doctor.examine` finds."""
    from edge.doctor import examine
    from edge.models.model_file import SHIPPED_MODEL

    for fact in examine(options.model or SHIPPED_MODEL):
        print(printable_lines(fact))
    print("all is well")

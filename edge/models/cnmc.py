"""C-NMC 2019 and the paper's contract: what edge-all began with, one contract among many.

Model files and records of edge-all 0.1.0 do not say what is said here: all of them are of
networks for it. Nothing but this room and the builders of networks knows its numbers and words.
"""

from __future__ import annotations

from edge.contract import Contract, make_labels

NEGATIVE, POSITIVE = NAMES = ("hem", "all")
"""Healthy and leukemic cells, in the order of the logits."""

CONTRACT = Contract(
    side=70,
    labels=make_labels(NAMES, POSITIVE, ("healthy", "leukemia")),
    positive=POSITIVE,
)
"""Of the networks that edge-all 0.1.0 made, and of the one that ships."""

SIDE = CONTRACT.side
"""The paper's input size."""

LOGIT_COLUMNS = tuple(f"logit_{name}" for name in NAMES)
"""Columns of result files of version 1 that hold logits."""

_GAP = r"[\s_-]+"  # some programs write blanks or hyphens for underscores

CELL_NAME = (
    rf"UID{_GAP}(?P<subject>[A-Z]?[0-9]+){_GAP}(?P<image>[0-9]+){_GAP}(?P<cell>[0-9]+)"
    rf"{_GAP}(?P<label>{'|'.join(NAMES)})"
)
"""How its cells are called, as a regular expression: person, image, cell and label."""

ONE_PERSON = (("20", "21"), ("51", "75", "78"), ("H10", "H3"), ("H2", "H4", "H5", "H6"))
"""Subjects that share byte-identical cells (sha256 of the 15,114 published files)."""

LARGE_IMAGE, USUAL_IMAGE = 600, 450
"""Its test sets hold images of 600 pixels a side among those of 450, at the same scale."""

P_COLUMN = "p_leukemia"
"""Column of result files of version 1 that holds the probability of the positive label."""


def is_of_cnmc(names: tuple[str, ...]) -> bool:
    """Whether labels are those of C-NMC: result files then keep the columns of version 1."""
    return names == NAMES

"""What differs between an environment and the one all are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MARGIN = 4
"""Int8 steps between the two highest logits; below it another runtime may give another label.

That of the golden vectors of a model file, and twice what was ever seen.
"""


@dataclass(frozen=True)
class Difference:
    """What one environment found, beside the reference.

    Attributes
    ----------
    crops : int
        Cells of which the network is shown other pixels.
    labels : int
        Cells with another label, though their logits lie :data:`MARGIN` steps apart or more.
    close_labels : int
        The others with another label.
    decisions : int
        Cells with another decision.
    steps : int
        Largest difference of a logit, in int8 steps.
    boxes : int
        Cells of fields that only one of the two found, or elsewhere.
    faults : tuple of str
        What is wrong beyond that.
    """

    crops: int
    labels: int
    close_labels: int
    decisions: int
    steps: int
    boxes: int
    faults: tuple[str, ...]

    @property
    def is_green(self) -> bool:
        """Whether the environment does what it must."""
        return not (self.crops or self.labels or self.faults) and self.steps <= MARGIN


def compare(found: dict[str, Any], reference: dict[str, Any]) -> Difference:
    """Compare what two environments found.

    Parameters
    ----------
    found, reference : dict
        As the probe writes them.
    """
    pairs = list(zip(found["cells"], reference["cells"], strict=True))
    other = [_margin(theirs) for ours, theirs in pairs if ours["label"] != theirs["label"]]
    faults = list(found["faults"])
    if found["drawn"] != reference["drawn"]:
        faults.append("draws other sample cells")
    if [ours["name"] for ours, _ in pairs] != [theirs["name"] for _, theirs in pairs]:
        faults.append("takes other files")
    if any(ours["quality"] != theirs["quality"] for ours, theirs in pairs):
        faults.append("judges the quality of crops otherwise")
    if found["drift"]["exit"]:
        faults.append(f"edge-all drift ended with {found['drift']['exit']}")
    return Difference(
        crops=sum(ours["crop"] != theirs["crop"] for ours, theirs in pairs),
        labels=sum(margin >= MARGIN for margin in other),
        close_labels=sum(margin < MARGIN for margin in other),
        decisions=sum(ours["decision"] != theirs["decision"] for ours, theirs in pairs),
        steps=max((_steps(ours, theirs) for ours, theirs in pairs), default=0),
        boxes=len(_boxes(found) ^ _boxes(reference)),
        faults=tuple(faults),
    )


def _margin(cell: dict[str, Any]) -> int:
    highest, second = sorted(cell["logits"], reverse=True)[:2]
    return int(highest - second)


def _steps(ours: dict[str, Any], theirs: dict[str, Any]) -> int:
    return max(abs(a - b) for a, b in zip(ours["logits"], theirs["logits"], strict=True))


def _boxes(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(cell["name"], cell["box"]) for cell in found["field"]}

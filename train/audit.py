"""Look for leaks in a split: people and images that stand on both sides."""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import LeakFound
from train.split_file import Split


@dataclass(frozen=True)
class Audit:
    """What stands on both sides of a split.

    Attributes
    ----------
    subjects : tuple of str
        People with crops in the training and the test part.
    test_crops_of_them : int
        Crops of the test part that come from those people.
    duplicates : tuple of str
        Names of test crops whose bytes are also in the training part.
    test_crops : int
        Size of the test part.
    """

    subjects: tuple[str, ...]
    test_crops_of_them: int
    duplicates: tuple[str, ...]
    test_crops: int

    @property
    def clean(self) -> bool:
        """Whether nothing leaks."""
        return not self.subjects and not self.duplicates


def audit(split: Split) -> Audit:
    """Compare the two sides of a split."""
    known_people = {member.subject for member in split.training}
    known_images = {member.sha256 for member in split.training}
    of_known = [member for member in split.test if member.subject in known_people]
    return Audit(
        subjects=tuple(sorted({member.subject for member in of_known})),
        test_crops_of_them=len(of_known),
        duplicates=tuple(sorted(m.name for m in split.test if m.sha256 in known_images)),
        test_crops=len(split.test),
    )


def refuse_leaks(split: Split) -> None:
    """Fail if a split that promises to be leak-free is not.

    Raises
    ------
    LeakFound
        Names the people or images on both sides.
    """
    found = audit(split)
    if split.leak_free and not found.clean:
        raise LeakFound(f"split {split.name} leaks: {sentence(found)}")


def sentence(found: Audit) -> str:
    """Say what an audit found."""
    if found.clean:
        return f"no person and no image of its {found.test_crops} test crops is in training"
    shown = ", ".join(found.subjects[:12]) + (" ..." if len(found.subjects) > 12 else "")
    return (
        f"{len(found.subjects)} people stand on both sides ({shown}):"
        f" {found.test_crops_of_them} of {found.test_crops} test crops are theirs;"
        f" {len(found.duplicates)} test crops are byte-identical to training crops"
    )

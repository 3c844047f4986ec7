"""What the path of a crop says of it: whose cell it is, and which label it has.

One rule for the whole build side. The label is the folder named after it, and the person the
folder below that: ``<label>/<person>/x.png``. Of C-NMC's labels, the name counts first: it begins
with ``UID_<subject>_<image>_<cell>_<label>``; whatever stands before or after it (`` (1)``,
`` - Copy``, ``_rot90``, ``.bmp``) is how a copy of the same cell is called, never another person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from edge.models import cnmc

_CELL = re.compile(rf"(?<![^\W_]){cnmc.CELL_NAME}", re.IGNORECASE)
_ID = re.compile(r"[A-Z]?[0-9]+")
_TITLE = re.compile(r"(?:UID|SUBJECT|PATIENT|PERSON|DONOR|CASE|ID)(?:[\s_-]+)?(?=[A-Z]?[0-9])")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")

_PARTS = r"TRAIN(?:ING)?|TEST(?:ING)?|VAL(?:ID(?:ATION)?)?|FOLD"

# folders below a label folder that say how cells were kept, not whose they are
_NO_PERSON = re.compile(
    rf"(?:{'|'.join(cnmc.NAMES).upper()}|{_PARTS}|AUG(?:MENT(?:ED|ATION)S?)?"
    r"|ROT(?:ATED|ATION)?|FLIP(?:PED)?|MIRROR(?:ED)?|TURNED|IMAGES?|IMGS?|PICTURES?|CROPS?|CELLS?"
    r"|DATA|BMP|PNG|JPE?G|TIFF?|WEBP|NEW|OLD|COP(?:Y|IES)|ORIGINALS?|RAW|MISC|OTHERS?|UNKNOWN"
    r"|UNSORTED|VARIOUS|MIXED|BATCH|SET|PART|RUN|DAY|DATE|PLATE|SLIDE|SMEAR|FIELD|EXPORT"
    r"|NEW FOLDER)(?:[\s_-]+)?[0-9]*|[0-9]{4}-?[0-9]+-?[0-9]+|[0-9]+X[0-9]+"
)
_PART = re.compile(rf"(?:{_PARTS})(?:[\s_-]+)?[0-9]*")

_SAME = {name: names[0] for names in cnmc.ONE_PERSON for name in names}


@dataclass(frozen=True)
class Reading:
    """What a path says.

    Attributes
    ----------
    subject : str or None
        The person, in one spelling: ``H10``, ``51``.
    spelling : str or None
        How the path itself writes the person, in capital letters: ``H010``.
    cell : str or None
        C-NMC's name of the cell, the same for all copies of it: ``UID_51_12_3_<label>``.
    label : str or None
        Of the innermost label folder; None outside one.
    named_label : str or None
        In the file's name.
    labels_above : tuple of str
        Of all label folders it stands in, the outermost first.
    other_subject : str or None
        Person whose folder it stands in, where the name says another.
    """

    subject: str | None = None
    spelling: str | None = None
    cell: str | None = None
    label: str | None = None
    named_label: str | None = None
    labels_above: tuple[str, ...] = ()
    other_subject: str | None = None


def read_path(name: str, data: str = "", labels: Sequence[str] = cnmc.NAMES) -> Reading:
    """Read the path of a crop.

    Parameters
    ----------
    name : str
        Below the data folder, with forward slashes.
    data : str
        Name of the data folder, which counts where nothing in it is a label folder.
    labels : sequence of str
        Names of the labels: folders are called so, capitals aside.
    """
    known = {plain(label): label for label in labels}
    *folders, file = (plain(part) for part in PurePosixPath(name).parts)
    if not any(folder in known for folder in folders):
        folders.insert(0, plain(data))
    above = tuple(known[folder] for folder in folders if folder in known)
    last = max((place for place, folder in enumerate(folders) if folder in known), default=None)
    below = [] if last is None else folders[last + 1 :]
    holder = next((folder for folder in below if not _NO_PERSON.fullmatch(folder)), None)
    label = above[-1] if above else None
    named = _read_name(file) if are_of_cnmc(labels) else Reading()
    if named is None:  # two people in one picture: the folder cannot be right of both
        return Reading(label=label, labels_above=above)
    holds = canonical_subject(holder) if holder else None
    contradicts = (
        named.subject and holds and _ID.fullmatch(holds) and person(holds) != person(named.subject)
    )
    return Reading(
        subject=named.subject or holds,
        spelling=named.spelling or holder,
        cell=named.cell,
        label=label,
        named_label=named.named_label,
        labels_above=above,
        other_subject=holds if contradicts else None,
    )


def are_of_cnmc(labels: Sequence[str]) -> bool:
    """Whether labels are C-NMC's, in any order: then its names of cells and people count."""
    return set(labels) == set(cnmc.NAMES)


def is_part(folder: str) -> bool:
    """Whether a folder is called like a part of a data set (``train``, ``fold_1``), not a label."""
    return bool(_PART.fullmatch(plain(folder)))


def subject_of(name: str) -> str | None:
    """Subject in a C-NMC file name (``h3`` is ``H3``, ``07`` is ``7``), or None."""
    named = _read_name(plain(name))
    return named.subject if named else None


def cell_of(name: str) -> str | None:
    """C-NMC's name of the cell in the name of a file, the same for every copy, or None."""
    named = _read_name(plain(name))
    return named.cell if named else None


def canonical_subject(text: str) -> str:
    """One spelling of a person's name: Unicode form, case, blanks, zeros and titles aside."""
    words = " ".join(plain(text).split())
    return _LEADING_ZEROS.sub("", _TITLE.sub("", words, count=1))


def person(subject: str, labels: Sequence[str] = cnmc.NAMES) -> str:
    """Give subjects that are one person in C-NMC 2019 one name, its first.

    :data:`edge.models.cnmc.ONE_PERSON` share byte-identical cells: so a part of the set without
    those cells knows it as well. With other labels, every subject is a person of its own.
    """
    return _SAME.get(subject, subject) if are_of_cnmc(labels) else subject


def plain(text: str) -> str:
    """Unicode's compatibility form in capitals, as systems and people write names differently."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def _read_name(file: str) -> Reading | None:
    """Read a name in plain form; None where it names two people."""
    # accents apart: one that follows would be merged into the last letter of the label
    found = list(_CELL.finditer(unicodedata.normalize("NFKD", file)))
    if not found:
        return Reading()
    if len({canonical_subject(match["subject"]) for match in found}) > 1:
        return None
    first = found[0]
    subject, label = canonical_subject(first["subject"]), first["label"].lower()
    return Reading(
        subject=subject,
        spelling=first["subject"],
        cell=f"UID_{subject}_{int(first['image'])}_{int(first['cell'])}_{label}",
        named_label=label,
    )

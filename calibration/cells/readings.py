"""What the path of a crop says of it: whose cell it is, and which label it has.

One rule for the whole build side. C-NMC's names begin with
``UID_<subject>_<image>_<cell>_<label>``; whatever stands before or after it (`` (1)``,
`` - Copy``, ``_rot90``, ``.bmp``) is how a copy of the same cell is called, never
another person. Where the name says nobody, the folder below the label folder does:
``hem/<person>/x.png``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

LABELS = ("hem", "all")
"""Class names; the position is the class number (``all`` is the positive class)."""

_GAP = r"[\s_-]+"  # some programs write blanks or hyphens for underscores
_CELL = re.compile(
    rf"(?<![^\W_])UID{_GAP}(?P<subject>[A-Z]?[0-9]+){_GAP}(?P<image>[0-9]+){_GAP}(?P<cell>[0-9]+)"
    rf"{_GAP}(?P<label>hem|all)",
    re.IGNORECASE,
)
_ID = re.compile(r"[A-Z]?[0-9]+")
_TITLE = re.compile(rf"(?:UID|SUBJECT|PATIENT|PERSON|DONOR|CASE|ID)(?:{_GAP})?(?=[A-Z]?[0-9])")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")

# folders below a label folder that say how cells were kept, not whose they are
_NO_PERSON = re.compile(
    r"(?:HEM|ALL|TRAIN(?:ING)?|TEST(?:ING)?|VAL(?:ID(?:ATION)?)?|FOLD|AUG(?:MENT(?:ED|ATION)S?)?"
    r"|ROT(?:ATED|ATION)?|FLIP(?:PED)?|MIRROR(?:ED)?|TURNED|IMAGES?|IMGS?|PICTURES?|CROPS?|CELLS?"
    r"|DATA|BMP|PNG|JPE?G|TIFF?|WEBP|NEW|OLD|COP(?:Y|IES)|ORIGINALS?|RAW|MISC|OTHERS?|UNKNOWN"
    r"|UNSORTED|VARIOUS|MIXED|BATCH|SET|PART|RUN|DAY|DATE|PLATE|SLIDE|SMEAR|FIELD|EXPORT"
    r"|NEW FOLDER)"
    rf"(?:{_GAP})?[0-9]*|[0-9]{{4}}-?[0-9]+-?[0-9]+|[0-9]+X[0-9]+"
)

_ONE_PERSON = (("20", "21"), ("51", "75", "78"), ("H10", "H3"), ("H2", "H4", "H5", "H6"))
_SAME = {name: names[0] for names in _ONE_PERSON for name in names}


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
        C-NMC's name of the cell, the same for all copies of it: ``UID_51_12_3_all``.
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


def read_path(name: str, data: str = "") -> Reading:
    """Read the path of a crop.

    Parameters
    ----------
    name : str
        Below the data folder, with forward slashes.
    data : str
        Name of the data folder, which counts where nothing in it is a label folder.
    """
    *folders, file = (_plain(part) for part in PurePosixPath(name).parts)
    if not any(folder.lower() in LABELS for folder in folders):
        folders.insert(0, _plain(data))
    above = tuple(folder.lower() for folder in folders if folder.lower() in LABELS)
    below = folders[_after_labels(folders) :] if above else []
    holder = next((folder for folder in below if not _NO_PERSON.fullmatch(folder)), None)
    named = _read_name(file)
    if named is None:  # two people in one picture: the folder cannot be right of both
        return Reading(label=above[-1] if above else None, labels_above=above)
    holds = canonical_subject(holder) if holder else None
    contradicts = (
        named.subject and holds and _ID.fullmatch(holds) and person(holds) != person(named.subject)
    )
    return Reading(
        subject=named.subject or holds,
        spelling=named.spelling or holder,
        cell=named.cell,
        label=above[-1] if above else None,
        named_label=named.named_label,
        labels_above=above,
        other_subject=holds if contradicts else None,
    )


def subject_of(name: str) -> str | None:
    """Subject in a C-NMC file name (``h3`` is ``H3``, ``07`` is ``7``), or None."""
    named = _read_name(_plain(name))
    return named.subject if named else None


def cell_of(name: str) -> str | None:
    """C-NMC's name of the cell in the name of a file, the same for every copy, or None."""
    named = _read_name(_plain(name))
    return named.cell if named else None


def canonical_subject(text: str) -> str:
    """One spelling of a person's name: Unicode form, case, blanks, zeros and titles aside."""
    plain = " ".join(_plain(text).split())
    return _LEADING_ZEROS.sub("", _TITLE.sub("", plain, count=1))


def person(subject: str) -> str:
    """Give subjects that are one person in C-NMC 2019 one name, its first.

    20 and 21, 51, 75 and 78, H3 and H10, H2, H4, H5 and H6 share byte-identical cells
    (sha256 of the 15,114 published files): so a part of the set without those
    cells knows it as well.
    """
    return _SAME.get(subject, subject)


def _plain(text: str) -> str:
    """Unicode's compatibility form, as Windows, macOS and Linux write names differently."""
    return unicodedata.normalize("NFKC", text).strip().upper()


def _after_labels(folders: list[str]) -> int:
    return 1 + max(i for i, folder in enumerate(folders) if folder.lower() in LABELS)


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

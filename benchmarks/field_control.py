"""How soon a control of fields finds another scale: real fields, days drawn among them.

A day is some fields of a folder, drawn anew: as if of one slide, though they are of several people.
So red cells vary more between days here than on a control slide.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from edge.crops.preprocess import UInt8Image
from edge.decoding.decode import decode
from edge.doctor.versions import versions
from edge.drift.control import ESTABLISHED, judge_days
from edge.drift.field_days import FIELD_CHANNELS, FieldDay, FieldLook, field_day, look_at_field
from edge.files import read_bytes

PAGE = Path(__file__).parents[1] / "docs" / "drift.md"
BEGIN, END = "<!-- by benchmarks/field_control.py: -->\n", "<!-- end of field_control -->\n"
FIELDS_A_DAY, LAST_DAYS = 40, 200
SCALES = (1.0, 0.95, 1.05, 0.9, 1.1)
FOLDERS = ("benign", "early", "pre", "pro")


def main() -> None:
    """Judge last days at every scale, and write the table into the page."""
    smears = Path(sys.argv[1]) / "smears"
    lines = list(table({name: looks_of(smears / name) for name in FOLDERS}))
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text("\n".join([before + BEGIN, *lines, "", END + after]), encoding="utf-8")
    print("\n".join(lines))


def looks_of(folder: Path) -> dict[float, list[FieldLook]]:
    """What all fields of a folder look like, by scale."""
    fields = [decode(read_bytes(path)) for path in sorted(folder.glob("*.jpg"))]
    return {scale: [look_at_field(shown(field, scale)) for field in fields] for scale in SCALES}


def shown(field: UInt8Image, scale: float) -> UInt8Image:
    """Show a field smaller or larger."""
    if scale == 1:
        return field
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(field, None, fx=scale, fy=scale, interpolation=way), np.uint8)


def table(looks: dict[str, dict[float, list[FieldLook]]]) -> Iterator[str]:
    """Last days that are rejected, by scale and folder, as Markdown."""
    days = (
        f"{FIELDS_A_DAY} fields of 224x224 a day, {ESTABLISHED} days, then {LAST_DAYS}, each alone."
    )
    yield f"{days} {versions()}."
    yield ""
    yield "| scale of the last day | " + " | ".join(looks) + " |"
    yield "|---|" + "--:|" * len(looks)
    first = {name: drawn_days(ESTABLISHED, of[1.0], 0) for name, of in looks.items()}
    for scale in SCALES:
        words = (rejected(first[name], of[scale]) for name, of in looks.items())
        yield f"| {scale:g} | {' | '.join(words)} |"


def drawn_days(count: int, looks: list[FieldLook], seed: int) -> list[FieldDay]:
    """Days of fields drawn among all."""
    random = np.random.default_rng(seed)
    days = []
    for day in range(count):
        chosen = random.choice(len(looks), FIELDS_A_DAY, replace=False)
        days.append(field_day(f"day {day}", [looks[each] for each in chosen]))
    return days


def rejected(first: list[FieldDay], looks: list[FieldLook]) -> str:
    """How many last days are rejected by the width of red cells, and by anything."""
    by_width = by_any = 0
    for last in drawn_days(LAST_DAYS, looks, 1):
        found = judge_days([day.values for day in [*first, last]], FIELD_CHANNELS)
        by_width += any(each.channel == FIELD_CHANNELS[0] for each in found.out)
        by_any += bool(found.out)
    return f"{by_width / LAST_DAYS:.0%} by red cells, {by_any / LAST_DAYS:.0%} by any"


if __name__ == "__main__":
    main()

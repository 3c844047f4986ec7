"""Reports of quantization drift kept in a results database, to see a trend."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edge.documents.charts import line_chart
from edge.documents.html import to_html
from edge.documents.junit import Check, to_junit
from edge.documents.markdown import to_markdown
from edge.documents.model import Figure, Part, Report, Section, Table, Text
from edge.documents.words import counted
from edge.drift.quantization import QuantizationDrift
from edge.errors import NoInputs
from edge.records.json_text import parse_json
from edge.reviews.database import ReviewDatabase
from edge.whole_file import save_bytes

SCHEMA = 1
"""Version of the schema of the JSON report of a history."""

NOTICES = (
    "Quantization drift, report by report: the int8 network against the float network it was made"
    " from. Reports are of other cells each: what moves may be the cells.",
    "Research software: this is not a diagnosis.",
)
_SHOWN = 12  # characters of a hash
_TIMES = "%Y-%m-%dT%H:%M:%S+00:00"


@dataclass(frozen=True)
class KeptReport:
    """What a report of the database found.

    Attributes
    ----------
    created : str
        ISO 8601, UTC.
    model_sha256 : str
        Of the model file.
    cells : int
    agreement : float
        Share of cells with the same likeliest label, 0..1.
    mean_p_error : float
        Mean difference of the calibrated probability.
    clipped : float or None
        Share of cells that the worst layer cuts off, 0..1; None where no layer is int8.
    failed : tuple of str
        Names of the gates that failed.
    """

    created: str
    model_sha256: str
    cells: int
    agreement: float
    mean_p_error: float
    clipped: float | None
    failed: tuple[str, ...]

    @property
    def words(self) -> str:
        """In a line."""
        clipped = "" if self.clipped is None else f", {self.clipped:.1%} cut off"
        return (
            f"{self.created}  {self.model_sha256[:_SHOWN]}  {counted(self.cells, 'cell')}:"
            f" {self.agreement:.2%} agree, probabilities off by {self.mean_p_error:.4f}{clipped};"
            f" {'failed: ' + ', '.join(self.failed) if self.failed else 'no gate failed'}"
        )


def keep_report(database: ReviewDatabase, found: QuantizationDrift) -> None:
    """Add a report.

    Raises
    ------
    OutputFailed
    """
    with database.writing() as connection:
        connection.execute(
            "INSERT INTO drift_reports (created, model_sha256, has_failed, report)"
            " VALUES (?, ?, ?, ?)",
            (
                found.where.created,
                found.where.model_sha256,
                found.has_failed,
                json.dumps(asdict(found)),
            ),
        )


def read_history(database: ReviewDatabase, days: float | None = None) -> list[KeptReport]:
    """Reports in the order in which they were made.

    Parameters
    ----------
    database : ReviewDatabase
    days : float, optional
        Only of the last so many days.

    Raises
    ------
    NoInputs
        If there is none, or one was changed by something else.
    OutputFailed
        If the database cannot be read.
    """
    since = ""
    if days is not None:
        since = (datetime.now(timezone.utc) - timedelta(days=days)).strftime(_TIMES)
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT id, report FROM drift_reports WHERE created >= ? ORDER BY id", [since]
        ).fetchall()
    if not rows:
        raise NoInputs(
            f"{database.path} holds no report of drift{' of these days' if since else ''}; keep one"
            f" with edge-all drift CELLS --keep {database.path}"
        )
    return [_kept(database.path, number, text) for number, text in rows]


def _kept(path: Path, number: int, text: str) -> KeptReport:
    try:
        fields = parse_json(text)
        shares = [each["clipped"] / each["cells"] for each in fields["clipping"]]
        return KeptReport(
            created=str(fields["where"]["created"]),
            model_sha256=str(fields["where"]["model_sha256"]),
            cells=int(fields["cells"]),
            agreement=float(fields["comparison"]["agreement"]),
            mean_p_error=float(fields["comparison"]["mean_p_error"]),
            clipped=max(shares, default=None),
            failed=tuple(str(g["name"]) for g in fields["gates"] if g["passed"] is False),
        )
    except (ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise NoInputs(
            f"{path}: its drift report {number} is none that edge-all wrote ({error!r}); delete it"
            f" with DELETE FROM drift_reports WHERE id = {number}"
        ) from error


def write_history(path: Path, reports: Sequence[KeptReport]) -> None:
    """Write a history in the format of the file's suffix.

    Raises
    ------
    OutputFailed
    """
    kind = path.suffix.lower()
    if kind == ".json":
        fields = {"schema": SCHEMA, "reports": [asdict(each) for each in reports]}
        save_bytes(path, (json.dumps(fields, indent=1) + "\n").encode())
    elif kind == ".xml":
        checks = [
            Check("drift-history", each.created, not each.failed, each.words, each.words)
            for each in reports
        ]
        save_bytes(path, to_junit("drift history", checks))
    else:
        report = Report("Quantization drift, report by report", NOTICES, _sections(reports, path))
        if kind == ".md":
            for figure in report.figures:
                save_bytes(path.with_name(figure.file), figure.image)
        save_bytes(path, (to_markdown(report) if kind == ".md" else to_html(report)).encode())


def _sections(reports: Sequence[KeptReport], path: Path) -> list[Section]:
    return [Section("Reports", list(_parts(reports, path.stem)))]


def _parts(reports: Sequence[KeptReport], stem: str) -> Iterator[Part]:
    yield Text(f"{counted(len(reports), 'report')}; the last one: {reports[-1].words}.")
    curves = (
        (
            "differ",
            "Share of cells with another likeliest label",
            [1 - r.agreement for r in reports],
        ),
        ("probability", "Mean error of the probability", [r.mean_p_error for r in reports]),
        ("clipped", "Share of cells that a layer cuts off", [r.clipped or 0.0 for r in reports]),
    )
    for name, title, values in curves:
        chart = line_chart(values, f"{title}, report by report", "reports")
        yield Figure(f"{stem}-{name}.svg", chart, title, f"{title}, report by report.")
    rows = [
        (
            each.created,
            each.model_sha256[:_SHOWN],
            str(each.cells),
            f"{each.agreement:.2%}",
            f"{each.mean_p_error:.4f}",
            "-" if each.clipped is None else f"{each.clipped:.1%}",
            ", ".join(each.failed),
        )
        for each in reports
    ]
    names = ("when", "model", "cells", "agree", "probability off by", "cut off", "failed")
    yield Table("All of them", names, rows)

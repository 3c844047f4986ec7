"""``edge-all-convert report``: render the report of a conversion again, from its JSON alone."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.command import one_sentence
from edge.cli.extras import need


@one_sentence
def report(
    file: Annotated[
        Path,
        typer.Argument(metavar="NETWORK-report.json", help="Report that a conversion wrote."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the pages and figures; by default that of the report."),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the evaluation crops, to show cells that flip as pictures. Do not"
            " publish such a copy unless the owners of the images allow it."
        ),
    ] = None,
) -> None:
    """Render a report as Markdown, HTML with figures, and JUnit XML.

    Exit code 3 if a gate in it failed.
    """
    need("convert", "matplotlib")
    from convert.report.schema import read_report
    from convert.report.write import write_reports
    from convert.verify.gates import require, verdict

    found = read_report(file)
    for path in write_reports(found, file.parent if out is None else out, pictures)[1:4]:
        print(f"saved {path}")
    print(verdict(found.gates))
    require(found.gates)

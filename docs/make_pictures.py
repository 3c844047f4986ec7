"""Make the pictures of docs/, all of drawn cells: cells, a field, a run in a terminal, its page.

``make docs`` runs it. The page needs Chromium; without one its picture is left as it is.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

DOCS = Path(__file__).parent
EDGE_ALL = [sys.executable, "-c", "from edge.cli.main import main; main()"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 88  # of the terminal, in letters
SMEAR = "seed=3,fps=0,width=800,height=480,um=0.15,white=7"  # with all that there is in a smear
WINDOW = "1200,1040"  # of the browser, in pixels

# no fonts from elsewhere: a viewer's own stand at the places the picture gives
SVG_FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main() -> None:
    """Write all pictures."""
    with tempfile.TemporaryDirectory(prefix="edge-all-pictures-") as name:
        folder = Path(name)
        draw_cells(folder / "crops", 10)
        draw_cells(folder / "cells", 60)
        print(f"wrote {picture_of_cells(folder / 'cells', DOCS / 'sample-cells.png')}")
        print(f"wrote {picture_of_run(folder, DOCS / 'run.svg')}")
        print(f"wrote {picture_of_field(folder, DOCS / 'field.jpg')}")
        browser = next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            print("no Chromium here: report-page.png and serve.png stay as they are")
        else:
            print(f"wrote {picture_of_page(folder, DOCS / 'report-page.png', browser)}")
            print(f"wrote {picture_of_reviews(folder, DOCS / 'serve.png')}")


def draw_cells(folder: Path, n: int) -> None:
    """Draw cells, and add a file that was cut off and one without bytes."""
    subprocess.run([*EDGE_ALL, "samples", folder, "-n", str(n)], check=True, capture_output=True)
    whole = (folder / "cell-000.png").read_bytes()
    (folder / "cut-off.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()


def picture_of_cells(folder: Path, to: Path) -> Path:
    """Put the first 24 cells side by side, a quarter as large."""
    files = sorted(folder.glob("cell-*.png"))[:24]
    cells = [
        cv2.resize(cv2.imread(str(file)), (112, 112), None, 0, 0, cv2.INTER_AREA) for file in files
    ]
    rows = [np.concatenate(cells[i : i + 8], axis=1) for i in (0, 8, 16)]
    cv2.imwrite(str(to), np.concatenate(rows), (cv2.IMWRITE_PNG_COMPRESSION, 9))
    return to


def picture_of_field(folder: Path, to: Path) -> Path:
    """Capture a field of the simulated microscope, and draw what was decided of its cells."""
    for command in (
        ["capture", f"sim:{SMEAR}", "-n", "1", "--out", "fields"],
        ["classify", "fields", "--fields", "--overlays", "overlays", "--out", "fields.csv"],
    ):
        subprocess.run([*EDGE_ALL, *command], cwd=folder, check=True, capture_output=True)
    (drawn,) = (folder / "overlays").iterdir()
    shutil.copyfile(drawn, to)
    return to


def picture_of_run(folder: Path, to: Path) -> Path:
    """Classify the crops on a terminal, and draw what it shows."""
    shown = on_a_terminal([*EDGE_ALL, "classify", "crops", "--threads", "2"], folder)
    terminal = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    terminal.print(Text("$ edge-all classify crops", style="bold"))
    for line in shown.splitlines():
        terminal.print(Text.from_ansi(line))
    terminal.save_svg(
        str(to),
        title="edge-all",
        theme=DIMMED_MONOKAI,
        code_format=SVG_FORMAT,
        unique_id="run",
    )
    lines = to.read_text(encoding="utf-8").splitlines()
    to.write_text("".join(f"{line.rstrip()}\n" for line in lines), encoding="utf-8")
    return to


def on_a_terminal(command: list[str], folder: Path) -> str:
    """What a command prints, in the colours it has on a terminal, and then its messages."""
    ours, its = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        command, cwd=folder, stdout=its, stderr=subprocess.PIPE, env=environment
    )
    os.close(its)
    printed = b""
    try:
        while part := os.read(ours, 4096):
            printed += part
    except OSError:  # the command has ended, and with it the terminal
        pass
    os.close(ours)
    _, messages = process.communicate()
    return (printed + messages).decode()


def picture_of_page(folder: Path, to: Path, browser: str) -> Path:
    """Classify cells into a page, and photograph its first screen."""
    command = [*EDGE_ALL, "classify", "cells", "--out", "cells.csv", "--report", "cells.html"]
    subprocess.run(command, cwd=folder, capture_output=True)  # 1: two of the files are no images
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
    page = (folder / "cells.html").as_uri()
    subprocess.run(
        [
            *(browser, *options, f"--user-data-dir={folder / 'profile'}"),
            *("--virtual-time-budget=10000", f"--window-size={WINDOW}"),
            *(f"--screenshot={to}", page),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return to


def picture_of_reviews(folder: Path, to: Path) -> Path:
    """Photograph what ``edge-all serve`` shows on a phone, light and dark, of drawn cells."""
    sys.path.insert(0, str(DOCS.parent / "tests" / "helpers"))
    from driven_browser import driven_page
    from served import served

    from edge.reviews.database import ReviewDatabase
    from edge.web.live import live_field_of

    subprocess.run(
        [*EDGE_ALL, "classify", "cells", "--out", "cells.db"], cwd=folder, capture_output=True
    )
    database = ReviewDatabase(folder / "cells.db")
    field = cv2.imread(str(DOCS / "field.jpg"))
    cv2.imwrite(str(live_field_of(database.path)), field)
    pictures = []
    there = Path.cwd()
    os.chdir(folder)  # where the names of the cells begin
    try:
        with served(database) as address, driven_page() as page:
            for dark, path in ((False, "/"), (False, "/review"), (True, "/review")):
                page.size(360, 740, dark)
                page.open(f"{address}/")
                page.run("document.querySelector('[name=reader]').value = 'Ada'")
                page.run("document.querySelector('form.who button').click()")
                page.wait_for("document.querySelector('.reader')")
                page.open(f"{address}{path}")
                page.wait_for("[...document.images].every(each => each.complete)")
                shown = np.frombuffer(page.screenshot(), np.uint8)
                pictures.append(cv2.imdecode(shown, cv2.IMREAD_COLOR))
    finally:
        os.chdir(there)
    gap = np.full((pictures[0].shape[0], 24, 3), 160, np.uint8)
    wide = np.concatenate([pictures[0], gap, pictures[1], gap, pictures[2]], axis=1)
    wide = cv2.resize(wide, None, None, 0.5, 0.5, cv2.INTER_AREA)
    cv2.imwrite(str(to), wide, (cv2.IMWRITE_PNG_COMPRESSION, 9))
    return to


if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))
    main()

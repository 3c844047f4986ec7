"""What the pages say is so: transcripts, links, the first screen of the README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sink_helpers import COLUMNS
from transcripts import PAGES, ROOT, RUN, SHOWN, Block, Reader, blocks_of, is_like

from edge.crops.quality import QUALITY
from edge.models.model_file import SHIPPED_MODEL, read_model_file
from edge.reasons import REASONS

README = ROOT / "README.md"
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
NOT_RUN = 18  # blocks that say why they are not run: another one is a decision
LINK = re.compile(r"(?:\[[^\]]*\]\(|<img src=\")([^)\s\"]+)")


def of_device(page: Path) -> list[Block]:
    run = [block for block in BLOCKS if block.page == page and block.is_run]
    return [block for block in run if not block.is_build_side]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if of_device(page)], ids=lambda page: page.name
)
def test_commands_and_programs_of_the_device_do_what_the_page_shows(
    page: Path, tmp_path: Path
) -> None:
    reader = Reader(tmp_path)
    for block in of_device(page):
        reader.read(block)


def test_every_block_is_run_or_says_why_not() -> None:
    nameless = [block.place for block in BLOCKS if block.language not in RUN + SHOWN]
    assert not nameless, f"a block is one of {RUN + SHOWN}"
    not_run = [f"{block.place}: {block.why_not_run}" for block in BLOCKS if block.why_not_run]
    assert len(not_run) == NOT_RUN, "\n".join(not_run)


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("3 cells, 0.2 s\n", "24 cells, 11.25 s\n", True),
        ("model cnn 2dfc089f527d\n", "model cnn da982bb656bf\n", True),
        ("first\n...\nlast\n", "first\nlast\n", True),
        ("first\n...\nlast\n", "first\n1\n2\nlast\n", True),
        ("healthy  0.1  a.png\n", "refer    0.1  a.png\n", False),
        ("first\n", "first\nsecond\n", False),
        ("first\n...\nlast\n", "first\n1\n", False),
        ("", "anything\n", False),
    ],
)
def test_only_numbers_and_left_out_lines_may_differ(
    expected: str, printed: str, same: bool
) -> None:
    assert is_like(printed, expected) == same


def anchors(page: Path) -> set[str]:
    """Names of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        name, _, heading = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), target
        assert not heading or heading in anchors(linked), target


def test_the_readme_leads_to_every_page() -> None:
    targets = {target.partition("#")[0] for target in LINK.findall(README.read_text("utf-8"))}
    pages = {str(page.relative_to(ROOT)) for page in PAGES if page != README}
    assert pages <= targets


def test_the_index_leads_to_every_page() -> None:
    docs, index = ROOT / "docs", ROOT / "docs" / "index.md"
    targets = {target.partition("#")[0] for target in LINK.findall(index.read_text("utf-8"))}
    pages = {str(page.relative_to(docs)) for page in docs.rglob("*.md")}
    assert pages - {"index.md"} <= targets
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert pages <= set(re.findall(r"[\w/-]+\.md", site))


def test_the_readme_is_short() -> None:
    assert README.stat().st_size < 8000


def test_the_first_screen_says_how_little_the_shipped_network_decides() -> None:
    first_screen = README.read_text(encoding="utf-8").partition("\n## ")[0]
    assert len(first_screen.splitlines()) < 25
    assert "no diagnosis" in first_screen
    accuracy = read_model_file(SHIPPED_MODEL).metadata.accuracy
    decided = accuracy["decisions"]
    leukemic = accuracy["held_out"]["crops"]["all"]
    missed = round(decided["missed"] * leukemic)
    found = round(decided["sensitivity"] * leukemic)
    assert found == 0, "say how many leukemic cells the network decides leukemia"
    words = re.sub(r"[\s>*`]+", " ", first_screen)
    assert f"Of {leukemic} leukemic cells" in words
    assert "decides none leukemia" in words
    assert f"refers {leukemic - missed} and calls {missed} healthy" in words
    assert f"AUROC is {accuracy['float']['auroc']:.2f}" in words


def table_after(page: str, heading: str) -> list[tuple[str, str]]:
    """Rows of the first table below a heading: code words of the first cell, and the second."""
    _, _, text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    rows = re.findall(r"^\| (`.+?) \| (.+) \|$", text.partition("\n## ")[0], re.MULTILINE)
    return [(word, says) for words, says in rows for word in re.findall(r"`([\w-]+)`", words)]


def test_every_reason_is_documented_in_the_words_of_the_code() -> None:
    rows = table_after("device.md", "Files that fail")
    meanings = [(code, meaning.replace("`", "")) for code, meaning in REASONS.items()]
    assert [(code, says.replace("`", "")) for code, says in rows[1:]] == meanings


def test_every_quality_code_is_documented() -> None:
    words = [word for word, _ in table_after("device.md", "Crops of bad quality")]
    assert words == ["quality", *QUALITY]


def test_every_column_is_documented_in_its_order() -> None:
    assert tuple(word for word, _ in table_after("outputs.md", "Columns")) == COLUMNS


def test_every_room_is_described() -> None:
    text = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
    for package in ("edge", "calibration", "convert", "train"):
        rooms = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        _, _, table = text.partition(f"\n| `{package}/` | ")
        assert rooms <= set(re.findall(r"`(\w+)/`", table.partition("\n\n")[0])), package

"""What is no cell by its name: one rule through every door, counted and said."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from command_helpers import edge_all
from edge_helpers import encoded, small_cell
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.cells.found_cells import find_cells
from calibration.cells.found_images import find_images
from calibration.cells.labelled_crops import find_labelled_crops
from calibration.cells.pictures import Pictures
from edge.errors import DataRefused
from edge.models.cnmc import NAMES
from edge.sources.find import find_inputs
from edge.sources.left_out import LeftOut
from edge.sources.names import IMAGE_SUFFIXES, hidden_part, is_hidden
from edge.sources.watching.watch import Watch

CELL = encoded(small_cell())
BMP, JPEG = encoded(small_cell(), ".bmp"), encoded(small_cell(), ".jpg")

CELLS = {
    "cell-1.png": CELL,
    "day 1/cell-2.PNG": CELL,
    "photo.jfif": JPEG,
    "photo.jpe": JPEG,
    "stereo.mpo": JPEG,
    "scan.dib": BMP,
    "moving.apng": CELL,
    "thumbs/a.png": CELL,
    "recycling/b.png": CELL,
    "lost/c.png": CELL,
    "#1/d.png": CELL,
    "@home/e.png": CELL,
    "$2/f.png": CELL,
}
"""What is taken."""

HIDDEN = {
    "macOS": ("._cell-1.png", "__MACOSX/a.png", ".Trashes/501/a.png", ".Spotlight-V100/a.png"),
    "macOS, in a folder": ("day 1/._cell-2.PNG", "day 1/.DS_Store", ".TemporaryItems/a.png"),
    "Windows": ("$RECYCLE.BIN/S-1-5-21/$R1A2B3C.png", "System Volume Information/a.png"),
    "Windows, older": ("RECYCLER/S-1/Dc1.png", "Thumbs.db", "desktop.ini", "found.000/a.png"),
    "Synology": ("@eaDir/cell-1.png/SYNOPHOTO_THUMB_M.jpg", "#recycle/old.png", "@tmp/a.png"),
    "Synology, copied": ("SYNOPHOTO_THUMB_XL.jpg", "#snapshot/GMT/a.png"),
    "QNAP": (".@__thumb/cell-1.png", "@Recycle/old.png", "@Recently-Snapshot/a.png"),
    "NetApp": (".snapshot/daily/a.png", "~snapshot/daily/a.png"),
    "Samba": (".recycle/a.png",),
    "Linux": (".Trash-1000/files/deleted.png", ".thumbnails/cell-1.png", "lost+found/#12.png"),
    "camera": ("LOST.DIR/a.jpg", ".thumbnails/100.jpg"),
    "Jupyter": (".ipynb_checkpoints/cell-1-checkpoint.png", "__pycache__/a.png"),
    "synchronised": (".stversions/a.png", ".dropbox.cache/a.png", ".sync/Archive/a.png"),
    "unfinished": ("~cell.png", ".cell.png.Ab3x", ".nfs00000000a1.png"),
    "version control": (".git/a.png", ".svn/a.png"),
}
"""Whose files, that a person has put nowhere."""

UNNAMED = ("notes.txt", "cell", "cell.png.bak", "day 1/results.csv", "slide.heic")

Names = dict[str, bytes]
Door = Callable[[Path, Names], tuple[set[str], LeftOut]]


def written(top: Path, files: Names) -> Path:
    for name, data in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return top


def found(source: str, before: str) -> tuple[set[str], LeftOut]:
    left_out = LeftOut()
    inputs = list(find_inputs([source], left_out))
    assert [entry.error for entry in inputs] == [None] * len(inputs)
    return {entry.file.removeprefix(before) for entry in inputs}, left_out


def through_a_folder(top: Path, files: Names) -> tuple[set[str], LeftOut]:
    written(top / "usb", files)
    return found(f"{top}/usb", f"{top}/usb/")


def through_a_glob(top: Path, files: Names) -> tuple[set[str], LeftOut]:
    written(top / "usb", files)
    return found(f"{top}/u*", f"{top}/usb/")


def through_a_list(top: Path, files: Names) -> tuple[set[str], LeftOut]:
    written(top / "data/usb", files)
    (top / "list.txt").write_text(f"{top}/data/usb\n")
    return found(f"@{top}/list.txt", f"{top}/data/usb/")


def through_a_zip(top: Path, files: Names) -> tuple[set[str], LeftOut]:
    with zipfile.ZipFile(top / "usb.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(f"usb/{name}", data)
    return found(f"{top}/usb.zip", f"{top}/usb.zip!usb/")


def through_a_zip_of_windows(top: Path, files: Names) -> tuple[set[str], LeftOut]:
    with zipfile.ZipFile(top / "usb.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr("usb\\" + name.replace("/", "\\"), data)
    names, left_out = found(f"{top}/usb.zip", f"{top}/usb.zip!usb\\")
    return {name.replace("\\", "/") for name in names}, left_out


def through_a_tar(top: Path, files: Names) -> tuple[set[str], LeftOut]:
    folders = {parent.as_posix() for name in files for parent in Path(name).parents}
    with tarfile.open(top / "usb.tar.gz", "w:gz") as archive:
        for name in sorted({*folders, *files}):
            header = tarfile.TarInfo(f"./usb/{name}")
            header.type = tarfile.DIRTYPE if name in folders else tarfile.REGTYPE
            header.size = len(files.get(name, b""))
            archive.addfile(header, io.BytesIO(files.get(name, b"")))
    return found(f"{top}/usb.tar.gz", f"{top}/usb.tar.gz!./usb/")


def through_the_build_side(top: Path, files: Names) -> tuple[set[str], LeftOut]:
    left_out = LeftOut()
    folder = written(top / "usb", files)
    images = {path.relative_to(folder).as_posix() for path in find_images(folder, left_out)}
    remarks: list[str] = []
    assert {cell.name for cell in find_cells(folder, remarks.append)} == images
    assert remarks == left_out.lines()
    return images, left_out


def through_watching(top: Path, files: Names) -> tuple[set[str], LeftOut]:
    watch = Watch(str(written(top / "usb", files)), look_every=0.01, events=False)
    names: set[str] = set()
    with watch:
        for batch in watch:
            names |= {entry.file.removeprefix(f"{top}/usb/") for entry in batch}
            if len(names) >= len(CELLS):
                watch.stop()
    list(watch._look_at_all())  # the whole folder once more
    return names, watch.left_out


DOORS: dict[str, Door] = {
    name.removeprefix("through_"): door
    for name, door in globals().items()
    if name.startswith("through_")
}

every_door = pytest.mark.parametrize("door", DOORS)


@every_door
@pytest.mark.parametrize("whose", HIDDEN)
def test_the_same_cells_are_found_through_every_door(tmp_path: Path, door: str, whose: str) -> None:
    names, left_out = DOORS[door](tmp_path, CELLS | dict.fromkeys(HIDDEN[whose], CELL))
    assert names == set(CELLS)
    assert left_out.total == len(HIDDEN[whose])
    assert left_out.lines()[0].startswith(f"left out: {left_out.total} (hidden or system files: ")


@pytest.mark.parametrize("door", [door for door in DOORS if door != "a_glob"])
def test_what_is_not_named_like_an_image_is_counted(tmp_path: Path, door: str) -> None:
    names, left_out = DOORS[door](tmp_path, CELLS | dict.fromkeys(UNNAMED, CELL))
    assert names == set(CELLS)
    assert left_out.lines()[0].startswith("left out: 5 (not named like an image: ")


def test_a_hidden_folder_counts_once_and_is_not_looked_into(tmp_path: Path) -> None:
    files = {f".Trash-1000/files/{i}.png": CELL for i in range(20)} | {"a.png": CELL}
    for door in ("a_folder", "a_zip", "a_tar"):
        (tmp_path / door).mkdir()
        assert DOORS[door](tmp_path / door, files)[1].total == 1


@pytest.mark.parametrize("name", [names[0] for names in HIDDEN.values()])
def test_what_is_named_itself_is_taken(tmp_path: Path, name: str) -> None:
    written(tmp_path, {name: CELL})
    path = str(tmp_path / name)
    (tmp_path / "list").write_text(f"{path}\n")
    for source in (path, f"@{tmp_path}/list"):
        left_out = LeftOut()
        assert [entry.file for entry in find_inputs([source], left_out)] == [path]
        assert left_out.lines() == []


def test_a_hidden_folder_that_is_named_itself_is_searched(tmp_path: Path) -> None:
    written(tmp_path, {".cache/@eaDir/a.png": CELL, ".cache/@eaDir/._a.png": CELL})
    for source in (f"{tmp_path}/.cache/@eaDir", f"{tmp_path}/.cache/@eaDir/*"):
        assert found(source, f"{tmp_path}/")[0] == {".cache/@eaDir/a.png"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", {"a.png"}),
        ("**", {"a.png"}),
        ("**/*.png", {"a.png"}),
        (".*", {".b/c.png", "._a.png"}),
        ("@*", {"@eaDir/d.png"}),
        ("@eaDir/*", {"@eaDir/d.png"}),
        ("*/lost+found/*", set()),
        ("__MACOSX", {"__MACOSX/e.png"}),
    ],
)
def test_a_pattern_finds_hidden_names_where_it_says_so(
    tmp_path: Path, pattern: str, expected: set[str]
) -> None:
    names = ("a.png", "._a.png", ".b/c.png", "@eaDir/d.png", "__MACOSX/e.png")
    written(tmp_path, dict.fromkeys(names, CELL))
    inputs = [entry for entry in find_inputs([f"{tmp_path}/{pattern}"]) if not entry.error]
    assert {entry.file.removeprefix(f"{tmp_path}/") for entry in inputs} == expected


def test_a_run_says_at_its_end_what_was_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path("usb"), {"a.png": CELL, "._a.png": CELL, ".t/\x1b[2J.png": CELL, "n.txt": b""})
    result = edge_all("classify", "usb")
    assert result.exit_code == 0
    assert "1 cell:" in result.stdout
    assert result.stderr.splitlines() == [
        "left out: 2 (hidden or system files: usb/._a.png, usb/.t/)",
        "left out: 1 (not named like an image: usb/n.txt)",
        "what is named itself is taken, whatever its name",
    ]


def test_where_all_was_left_out_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path("usb"), {f".\x1b[2J{i}.png": CELL for i in range(5)} | {f"{'x' * 200}.txt": b""})
    for source in ("usb", "usb/*.png"):
        result = edge_all("classify", source)
        assert result.exit_code == 2
        assert "left out: 5 (hidden or system files: usb/.\\x1b[2J0.png, " in result.stderr
        assert f"error: no image in {source}: none of .bmp" in result.stderr
        assert "\x1b" not in result.stderr
        assert max(map(len, result.stderr.splitlines())) < 300


def test_archives_in_a_folder_are_counted(tmp_path: Path) -> None:
    _, left_out = through_a_folder(tmp_path, {"a.png": CELL, "b.zip": b"", "c.tar.gz": b""})
    assert left_out.lines()[0].startswith("left out: 2 (archives in a folder: ")


@settings(max_examples=50)
@given(st.text("ab.~@#$ü ", min_size=1, max_size=5))
def test_one_hidden_name_hides_all_that_is_below(name: str) -> None:
    part = hidden_part(f"a/{name}/b.png")
    assert part == (f"a/{name}" if is_hidden(name) else None)
    assert is_hidden(f".{name}") == (name != ".")


@pytest.mark.parametrize("path", ["./a.png", "../a.png", "a/./b.png", "/a.png", "a//b.png", ""])
def test_where_a_path_leads_does_not_hide_it(path: str) -> None:
    assert hidden_part(path) is None


def test_every_suffix_of_an_image_is_one(tmp_path: Path) -> None:
    files = {f"a{suffix}": CELL for suffix in IMAGE_SUFFIXES}
    assert through_a_folder(tmp_path, files)[0] == set(files)


@pytest.mark.parametrize("whose", HIDDEN)
def test_the_build_side_finds_the_same_labelled_crops(tmp_path: Path, whose: str) -> None:
    crops = {"hem/UID_H1_1_1_hem.png": CELL, "all/UID_1_1_1_all.png": CELL + b"1"}
    top = written(tmp_path / "crops", crops | {"all/x.png": CELL + b"2"})
    tops = {name.partition("/")[0] for name in HIDDEN[whose]} - {"day 1"}
    written(top, {f"hem/{name}": CELL for name in HIDDEN[whose]})
    written(top, {f"{name}/all/x.png": CELL for name in tops})
    remarks: list[str] = []
    found = find_labelled_crops(top, keep_twins=True, on_remark=remarks.append)
    assert {crop.name for crop in found.crops} == {*crops, "all/x.png"}
    assert remarks[0].startswith("left out: ")
    assert "hidden or system files" in remarks[0]
    assert Pictures(top, NAMES, 70).read("x.png", None) is not None  # the only one of this name


def test_the_build_side_names_what_it_cannot_follow(tmp_path: Path) -> None:
    top = written(tmp_path / "crops", {"hem/a.png": CELL, "all/b.png": CELL + b"b"})
    (top / "again").symlink_to("hem")
    left_out = LeftOut()
    assert len(list(find_images(top, left_out))) == 2
    assert left_out.lines()[0].startswith("left out: 1 (links to what was searched already: ")
    (top / "gone.png").symlink_to("nothing")
    with pytest.raises(DataRefused, match=r"gone\.png.*not-found"):
        find_labelled_crops(top)
    (top / "gone.png").unlink()
    os.mkfifo(top / "pipe.png")
    with pytest.raises(DataRefused, match=r"pipe\.png is a pipe"):
        find_labelled_crops(top)

"""A cache that cannot be kept stops nothing: hashes and crops are made again."""

from __future__ import annotations

import hashlib
import os
import pwd
from pathlib import Path

import numpy as np
import pytest
from conftest import write_labelled
from edge_helpers import write_cells

from calibration.cells.cache import default_cache
from calibration.cells.crop_set import load_crops
from calibration.cells.file_hashes import hash_files
from calibration.cells.labelled_crops import find_labelled_crops
from edge.whole_file import save_text


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 6 labelled drawn cells."""
    return write_labelled(tmp_path_factory.mktemp("labelled"), per_subject=1)


def unusable(folder: Path, kind: str) -> Path | None:
    """A cache that cannot be written, in one of the ways there are."""
    cache = folder / "unusable"
    if kind == "a file":
        cache.write_text("in the way")
    elif kind == "in a file":
        (folder / "file").write_text("in the way")
        cache = folder / "file" / "cache"
    elif kind == "folders in place of files":
        (cache / "hashes.json").mkdir(parents=True)
    elif kind == "damaged":
        cache.mkdir()
        (cache / "hashes.json").write_bytes(b"[" * 100_000)
    return None if kind == "none" else cache


@pytest.mark.parametrize(
    "kind", ["none", "a file", "in a file", "folders in place of files", "damaged"]
)
def test_hashes_come_without_a_cache(tmp_path: Path, kind: str) -> None:
    paths = write_cells(tmp_path, 3)
    expected = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    cache = unusable(tmp_path, kind)
    assert hash_files(paths, cache) == hash_files(paths, cache) == expected


@pytest.mark.parametrize("kind", ["a file", "in a file"])
def test_crops_come_without_a_cache(some: Path, tmp_path: Path, kind: str) -> None:
    cache = unusable(tmp_path, kind)
    every = find_labelled_crops(some, cache=cache)
    found = every.keep(every.crops[:4])
    assert load_crops(found, 70, cache=cache).crops.shape == (4, 70, 70, 3)


@pytest.mark.parametrize("damage", [b"", b"no array", None], ids=["empty", "text", "other size"])
def test_a_damaged_cache_of_crops_is_made_again(
    some: Path, tmp_path: Path, damage: bytes | None
) -> None:
    every = find_labelled_crops(some, cache=tmp_path / "hashes")
    found = every.keep(every.crops[:4])
    fresh = load_crops(found, 70, cache=tmp_path).crops
    (kept,) = tmp_path.glob("*.npy")
    if damage is None:
        np.save(kept, fresh[:2])
    else:
        kept.write_bytes(damage)
    assert np.array_equal(load_crops(found, 70, cache=tmp_path).crops, fresh)
    assert np.array_equal(np.load(kept)[:0], fresh[:0])


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert default_cache() is None
    monkeypatch.setenv("HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/.cache/edge-all")


def test_a_file_is_saved_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "made" / "x.json")
    save_text(tmp_path / "made" / "x.json", "one")
    save_text(tmp_path / "link.json", "two")
    assert (tmp_path / "link.json").is_symlink()
    assert os.listdir(tmp_path / "made") == ["x.json"]
    assert (tmp_path / "made" / "x.json").read_text() == "two"

"""What goes to other machines: shards of samples, which can be sent, and read there."""

from __future__ import annotations

import pickle
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from command_helpers import edge_all
from edge_helpers import encoded, small_cell
from hypothesis import given
from hypothesis import strategies as st

from edge.cluster.job import shards_of
from edge.errors import CropUnreadable
from edge.samples import Sample
from edge.sources.find import find_inputs


@given(n=st.integers(0, 50), size=st.integers(1, 20))
def test_shards_hold_all_samples_in_their_order(n: int, size: int) -> None:
    samples = [Sample("s", f"{i}.png") for i in range(n)]
    shards = list(shards_of(iter(samples), size))
    assert [sample for shard in shards for sample in shard.samples] == samples
    assert all(len(shard.samples) == size for shard in shards[:-1])
    assert [shard.number for shard in shards] == list(range(len(shards)))


def test_a_fingerprint_tells_other_samples_and_another_order() -> None:
    def fingerprint(*names: str) -> str:
        (shard,) = shards_of([Sample("s", name) for name in names], 9)
        return shard.fingerprint

    assert fingerprint("a", "b") == fingerprint("a", "b")
    assert len({fingerprint(*names) for names in ("ab", "ba", "a", ("ab",))}) == 4


def test_members_of_a_zip_and_refusals_are_the_same_in_another_process(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "x.zip", "w", ZIP_DEFLATED) as archive:
        archive.writestr("cell.png", encoded(small_cell()))
        archive.writestr("inner.zip", b"")
    found = list(find_inputs([str(tmp_path / "x.zip"), str(tmp_path / "gone.png")]))
    sent = pickle.loads(pickle.dumps(found))
    assert sent[0].read() == found[0].read() == encoded(small_cell())
    for here, there in zip(found[1:], sent[1:], strict=True):
        assert here.error is not None
        with pytest.raises(CropUnreadable) as refusal:
            there.read()
        assert (refusal.value.reason, refusal.value.message) == (
            here.error.reason,
            here.error.message,
        )


def test_a_zip_that_is_not_there_on_another_machine_is_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("cell.png", encoded(small_cell()))
    (sample,) = find_inputs([str(path)])
    sent = pickle.dumps(sample)
    path.unlink()
    with pytest.raises(CropUnreadable, match="not-found"):
        pickle.loads(sent).read()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--out", "x.csv"], "folder of Parquet files"),
        ([], "folder of Parquet files"),
        (["--out", "x.parquet", "--report", "x.html"], "--report is for one machine"),
        (["--out", "no/x.parquet"], "no such folder"),
    ],
    ids=["csv", "nothing", "page", "no folder"],
)
def test_what_a_cluster_cannot_do_is_refused(
    tmp_path: Path, options: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = edge_all("classify", ".", "--engine", "ray", *options)
    assert done.exit_code == 2
    assert words in done.output

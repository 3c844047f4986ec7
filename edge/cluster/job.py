"""What the machines of a cluster are given: a run, and shards of its samples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from edge.files import file_name
from edge.samples import Sample


@dataclass(frozen=True)
class Job:
    """What is the same for all shards of a run.

    Attributes
    ----------
    model_sha256 : str
        Hash of the model file.
    strict : bool
        Refuse crops of bad quality.
    runtime : str or None
        That was asked for.
    folder : str
        Current folder where the run was started: names of files are relative to it.
    version : str
        Of edge-all there. Another one might decide otherwise.
    """

    model_sha256: str
    strict: bool
    runtime: str | None
    folder: str
    version: str


@dataclass(frozen=True)
class Shard:
    """Samples that are classified together, on one machine, into one file.

    Attributes
    ----------
    number : int
        From 0, in the order of the source.
    samples : tuple of Sample
        At least one.
    """

    number: int
    samples: tuple[Sample, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the ids of its samples: the same for the same samples in the same order."""
        names = (f"{file_name(sample.source)}\0{file_name(sample.id)}" for sample in self.samples)
        return hashlib.sha256("\0".join(names).encode()).hexdigest()


def shards_of(samples: Iterable[Sample], size: int) -> Iterator[Shard]:
    """Cut samples into shards of `size`; the last one may be smaller."""
    rest = iter(samples)
    number = 0
    while part := tuple(islice(rest, size)):
        yield Shard(number, part)
        number += 1

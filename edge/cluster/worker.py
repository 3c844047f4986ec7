"""What a machine of a cluster does with a shard: the same reader, engine and judge as everywhere.

Each process has one classifier with one interpreter, and keeps it from shard to shard.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

import edge
from edge.cluster.job import Job, Shard
from edge.cluster.tables import Table, table_of
from edge.engine.classifier import Classifier
from edge.errors import ClusterFailed, EdgeAllError
from edge.process.environment import enter_folder

_kept: dict[Job, Classifier] = {}  # of this process: for one job


def classify_shard(job: Job, shard: Shard, model: Callable[[], bytes]) -> Table:
    """Classify the samples of a shard.

    Parameters
    ----------
    job : Job
    shard : Shard
    model : callable
        Gives the bytes of the model file; asked once a process.

    Returns
    -------
    pyarrow.Table
        A row a sample, with indices from 0.

    Raises
    ------
    ClusterFailed
        If this machine cannot do it; says which one, and why.
    """
    try:
        classifier = _kept.get(job) or _begin(job, model())
        results = classifier.classify_samples(shard.samples, 0)
        return table_of(results, classifier.contract.names)
    except (EdgeAllError, OSError) as error:  # some of them cannot go to another process
        raise ClusterFailed(f"{platform.node()}: {error}") from None


def _begin(job: Job, model: bytes) -> Classifier:
    if edge.__version__ != job.version:
        raise ClusterFailed(
            f"it has edge-all {edge.__version__}, and the run was started with {job.version};"
            " install the same on all machines"
        )
    enter_folder(job.folder)
    for other in _kept.values():
        other.close()
    _kept.clear()
    with tempfile.TemporaryDirectory(prefix="edge-all-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        _kept[job] = Classifier(path, 1, strict=job.strict, runtime=job.runtime)
    return _kept[job]

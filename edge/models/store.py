"""A folder of model files of which one is active: what a device runs, and goes back to.

``files/SHA256.tflite`` never change once they are there; ``active.json`` says which one is active,
and which one was before. Both are written whole, and kept through a power cut, before the next
step: a process killed at any moment leaves the old model active or the new one. Once a key is
trusted (:mod:`edge.models.trusted_keys`), model files need a signature, which lies beside them.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from edge.errors import ModelFileRefused, OutputFailed
from edge.models.model_file import ModelFile, read_model_file
from edge.models.signatures import Signature, read_signature, signature_beside
from edge.models.trusted_keys import TrustedKeys
from edge.records.checks import boolean, optional, record, string, whole
from edge.records.json_text import read_json
from edge.whole_file import replacing
from edge.wording import named

VARIABLE = "EDGE_ALL_MODELS"
"""Environment variable that names the folder."""

SCHEMA = 1
"""Version of the schema of ``active.json``."""

_SHORTEST = 6  # characters of a hash that name a model

_SHA256 = string(64, lambda text: len(text) == 64, "a sha256")
MOST_CELLS = 10**9
"""Most cells of a probation."""

_PROBATION = record(
    {"needed": whole(1, MOST_CELLS), "seen": whole(0, MOST_CELLS), "is_running": boolean}
)
_check = record(
    {
        "schema": whole(SCHEMA, SCHEMA),
        "active": _SHA256,
        "previous": optional(_SHA256),
        "probation": optional(_PROBATION),
    },
    may_lack=frozenset({"probation"}),
)


@dataclass(frozen=True)
class Probation:
    """How far a model that is active on probation has come (:mod:`edge.drift.probation`).

    Attributes
    ----------
    needed : int
        Cells that the float twin has to see, too.
    seen : int
        Those that it saw.
    is_running : bool
        Whether a process began to run it and has not ended in order: it runs still, or died.
    """

    needed: int
    seen: int = 0
    is_running: bool = False


@dataclass(frozen=True)
class Active:
    """What is active.

    Attributes
    ----------
    active : str
        sha256 of the model file.
    previous : str or None
        That of the one before, to go back to.
    probation : Probation or None
        None where it is active for good.
    """

    active: str
    previous: str | None
    probation: Probation | None = None


def default_folder() -> Path:
    """Folder of the store: as the environment says, else among the data of this user."""
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "edge-all" / "models"


class ModelStore:
    """Model files of a device.

    Parameters
    ----------
    folder : Path, optional
        :func:`default_folder` by default; made when a model is added.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self._files = self.folder / "files"
        self.pointer = self.folder / "active.json"
        self.keys = TrustedKeys(self.folder)

    def add(self, path: Path) -> ModelFile:
        """Copy a model file into the store, checked; one that is there already stays.

        Returns
        -------
        ModelFile
            In the store.

        Raises
        ------
        ModelFileRefused
            ``signature``, too, where keys are trusted and none of them signed it.
        OutputFailed
        """
        model = read_model_file(path)
        kept = self.path_of(model.sha256)
        signature = read_signature(signature_beside(path))
        self.keys.check(path, model.sha256, signature)
        try:
            self._files.mkdir(parents=True, exist_ok=True)
            if signature is not None:
                with replacing(signature_beside(kept), durable=True) as target:
                    target.write(signature.to_bytes())
            if not kept.exists():
                with path.open("rb") as source, replacing(kept, durable=True) as target:
                    shutil.copyfileobj(source, target)
        except OSError as error:
            raise self._cannot_write(error) from error
        return self.read(model.sha256)

    def path_of(self, sha256: str) -> Path:
        """Where a model file lies, or would."""
        return self._files / f"{sha256}.tflite"

    def hashes(self) -> list[str]:
        """sha256 of all model files, sorted."""
        found = (path.stem for path in self._files.glob("*.tflite") if path.name[0] != ".")
        return sorted(found)

    def find(self, name: str) -> str:
        """sha256 of the one model whose hash begins so.

        Raises
        ------
        ModelFileRefused
            ``missing``, if there is none or several, or the name is too short.
        """
        found = [sha256 for sha256 in self.hashes() if sha256.startswith(name.lower())]
        if len(name) < _SHORTEST or len(found) != 1:
            how_many = "no model" if not found else f"{len(found)} models"
            raise ModelFileRefused(
                "missing",
                f"{how_many} of {self.folder} can be meant by {name!r}; give the hash that edge-all"
                f" models list shows, {_SHORTEST} characters or more of it",
            )
        return found[0]

    def read(self, sha256: str) -> ModelFile:
        """Read a model file of the store, and check that it is what its name says.

        Raises
        ------
        ModelFileRefused
        """
        path = self.path_of(sha256)
        model = read_model_file(path)
        if model.sha256 != sha256:
            raise ModelFileRefused(
                "changed", f"{named(path)} is another model than its name says; add it again"
            )
        return model

    def signature_of(self, sha256: str) -> Signature | None:
        """Signature that came with a model; None of one without.

        Raises
        ------
        ModelFileRefused
            ``signature``, if it is damaged, or keys are trusted and none of them made it.
        """
        path = self.path_of(sha256)
        signature = read_signature(signature_beside(path))
        self.keys.check(path, sha256, signature)
        return signature

    def active(self) -> Active | None:
        """What is active; None where nothing is.

        Raises
        ------
        ModelFileRefused
            ``metadata``, if ``active.json`` is damaged.
        """
        if not self.pointer.exists():
            return None
        try:
            fields = read_json(self.pointer)
            _check("", fields)
        except (OSError, ValueError) as error:
            raise ModelFileRefused(
                "metadata",
                f"{named(self.pointer)}: {error}; remove it, and activate a model again",
            ) from error
        probation = fields.get("probation")
        return Active(
            fields["active"], fields["previous"], Probation(**probation) if probation else None
        )

    def active_path(self) -> Path:
        """Where the active model file lies.

        Raises
        ------
        ModelFileRefused
            ``missing``, if none is active.
        """
        found = self.active()
        if found is None:
            raise ModelFileRefused(
                "missing",
                f"no model of {self.folder} is active; use edge-all models add and activate",
            )
        return self.path_of(found.active)

    def activate(self, sha256: str, probation: int = 0, may_be_older: bool = False) -> Active:
        """Make a model of the store the active one; whoever calls has checked that it runs here.

        Parameters
        ----------
        sha256 : str
        probation : int
            Cells that its float twin has to see before it is active for good; 0: at once.
        may_be_older : bool
            Whether its release may be older than that of the active one.

        Raises
        ------
        ModelFileRefused
            If it is not there, or damaged, or nobody who is trusted signed it, or is older
            (``downgrade``), or is to be on probation with nothing to go back to: what was active
            stays so.
        OutputFailed
        """
        self.read(sha256)
        signature = self.signature_of(sha256)
        before = self.active()
        if before is not None and before.active == sha256:
            return before
        if before is not None and not may_be_older:
            self._refuse_older(sha256, signature, before)
        if probation and before is None:
            raise ModelFileRefused(
                "missing",
                f"no model of {self.folder} is active, so there is none to go back to if this one"
                " fails; activate it without --probation",
            )
        previous = before.active if before else None
        if before is not None and before.probation is not None:
            previous = before.previous  # one that never proved itself is nothing to go back to
        return self._point(Active(sha256, previous, Probation(probation) if probation else None))

    def set_probation(self, active: Active, probation: Probation | None) -> Active:
        """Write down how far an active model has come; None: it is active for good.

        Raises
        ------
        OutputFailed
        """
        return self._point(replace(active, probation=probation))

    def _refuse_older(self, sha256: str, signature: Signature | None, before: Active) -> None:
        """Refuse a release before the active one, where keys say which is which."""
        if signature is None or not self.keys.are_asked_for:
            return
        active = read_signature(signature_beside(self.path_of(before.active)))
        if active is not None and signature.release < active.release:
            raise ModelFileRefused(
                "downgrade",
                f"{sha256[:12]} is release {signature.release}, and release {active.release} is"
                " active: an older one may have faults that are mended since; allow it with"
                " --allow-downgrade",
            )

    def roll_back(self) -> Active:
        """Make the model before the active one; what was active becomes the one before.

        It was checked when it was activated: neither its release nor its signature is asked for,
        so that a device always has a way back.

        What was active on probation does not: it never proved itself.

        Raises
        ------
        ModelFileRefused
            If there was none, or it is damaged.
        OutputFailed
        """
        before = self.active()
        if before is None or before.previous is None:
            raise ModelFileRefused(
                "missing", f"no model of {self.folder} was active before; nothing to go back to"
            )
        self.read(before.previous)
        failed = before.probation is not None
        return self._point(Active(before.previous, None if failed else before.active))

    def _point(self, to: Active) -> Active:
        fields = {"schema": SCHEMA, **asdict(to)}
        if to.probation is None:
            del fields["probation"]  # edge-all without probation reads it, too
        text = json.dumps(fields, indent=1, sort_keys=True) + "\n"
        try:
            with replacing(self.pointer, durable=True) as file:
                file.write(text.encode())
        except OSError as error:
            raise self._cannot_write(error) from error
        return to

    def _cannot_write(self, error: OSError) -> OutputFailed:
        return OutputFailed(
            f"cannot write to {self.folder}: {error.strerror or error}; check its permissions and"
            f" the free space, or name another folder with --store or {VARIABLE}"
        )

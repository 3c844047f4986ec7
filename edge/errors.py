"""Every failure edge-all can name: one exception class per failure.

A message says what went wrong, in which file, why, and what to do about it.
Each class is also the builtin it is a kind of, so ``except ValueError`` works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.wording import printable, shortened

if TYPE_CHECKING:
    from pathlib import Path

_MOST_MESSAGE = 260  # characters: with the words before it, it stays a line


class EdgeAllError(Exception):
    """Base of every error that edge-all raises on purpose."""


class CropUnreadable(EdgeAllError, ValueError):
    """A file cannot be turned into a crop.

    Parameters
    ----------
    reason : str
        Stable code of the reason, one of :data:`edge.reasons.REASONS`.
    message : str
        What is wrong, and what to do, for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:  # samples that carry one go to other processes
        return type(self), (self.reason, self.message), self.__dict__


def cut_off(what: str) -> CropUnreadable:
    """Refuse a file whose end is missing."""
    return CropUnreadable("truncated", f"{what}; copy the file again")


class CameraFault(CropUnreadable):
    """A camera gave no frame, or one that cannot be used: a row with a reason.

    Parameters
    ----------
    reason : str
        One of :data:`edge.reasons.REASONS`.
    message : str
        What is wrong, and what to do, for people.
    is_lost : bool
        Whether the camera must be opened again.

    Attributes
    ----------
    time : float or None
        When it was found, in seconds since 1970.
    """

    time: float | None = None

    def __init__(self, reason: str, message: str, is_lost: bool = True) -> None:
        super().__init__(reason, message)
        self.is_lost = is_lost


class CameraRefused(EdgeAllError, ValueError):
    """No camera can be what an address asks for."""


class InstrumentRefused(EdgeAllError, ValueError):
    """A microscope cannot be calibrated by what was given, or its calibration cannot be used."""


class NoInputs(EdgeAllError, ValueError):
    """The sources given match no file at all."""


class NoEvents(EdgeAllError, RuntimeError):
    """The system does not tell of files in a folder: it must be looked at instead."""


class ModelFileRefused(EdgeAllError, ValueError):
    """A model file is truncated, changed, foreign, or wrong on this machine.

    Parameters
    ----------
    reason : str
        ``missing``, ``truncated``, ``changed``, ``not-a-model``, ``schema``,
        ``metadata``, ``runtime`` or ``golden``; of the model store, ``signature`` or
        ``downgrade``.
    message : str
        Which file, why, and what to do. Characters that a terminal would act upon are
        escaped, and what is too long for a line loses its middle.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(shortened(printable(message), _MOST_MESSAGE))
        self.reason = reason


class ScaleUnknown(EdgeAllError, ValueError):
    """Images are given with their scale, and nobody knows that of the network."""


class BatchRefused(EdgeAllError, RuntimeError):
    """A network takes one crop at a time only."""


class OtherProcess(EdgeAllError, RuntimeError):
    """A classifier is used in a process that was forked from the one that made it."""


class StagesRefused(EdgeAllError, ValueError):
    """Stages cannot be run over what a source gives."""


class NoSuchStage(EdgeAllError, LookupError):
    """No stage has this name."""


class RuntimeMissing(EdgeAllError, ImportError):
    """No TFLite runtime is installed."""


class ExtraMissing(EdgeAllError, ImportError):
    """A command needs an optional part of edge-all that is not installed."""


class DataRefused(EdgeAllError, ValueError):
    """A folder of labelled crops cannot be used as it is."""


class ConversionFailed(EdgeAllError, RuntimeError):
    """A Keras model cannot be converted into a model file."""


class ReportRefused(EdgeAllError, ValueError):
    """A file is no report of a conversion, or one of another schema."""


class GateFailed(EdgeAllError, RuntimeError):
    """A measured number misses its threshold: parity, agreement, accuracy, drift."""


class LeakFound(GateFailed):
    """A split that promises to be leak-free has a person or an image on both sides."""


class NotComparable(EdgeAllError, ValueError):
    """Counts of cells cannot be compared or merged: other bins, or no cells."""


class OutputFailed(EdgeAllError, OSError):
    """A result file cannot be written.

    Attributes
    ----------
    path : Path or None
        The output, as it was named, where one of a run has failed.
    """

    path: Path | None = None


class ReviewRefused(EdgeAllError, ValueError):
    """What a person says of a cell cannot be taken as a review."""


class ServerRefused(EdgeAllError, OSError):
    """Pages cannot be served as asked: the address is taken, or is not safe without a token."""


class ClusterFailed(EdgeAllError, RuntimeError):
    """A cluster cannot be reached, or one of its machines cannot do its share of a run."""


class BrokerRefused(EdgeAllError, ValueError):
    """An address of an MQTT broker, or what is to let a device in, cannot be used."""


class BrokerAway(EdgeAllError, ConnectionError):
    """An MQTT broker cannot be reached, or does not take what it is told."""


class ResumeRefused(EdgeAllError, ValueError):
    """Results that are there already are not those of this run, so it cannot go on with them."""

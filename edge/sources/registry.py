"""Sources that are no files, by scheme: ``watch:folder``. Everything else is searched for images.

Cameras have a registry of their own (:mod:`edge.sources.cameras.registry`). Any other new source is
a module with a :class:`~edge.samples.Source` and a line here; one of your own is registered with
:func:`register_source`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from edge.errors import NoInputs
from edge.files import file_name
from edge.registry import Factory, Registry
from edge.samples import Source
from edge.sources.cameras.registry import CAMERAS
from edge.sources.find import open_sources
from edge.sources.left_out import LeftOut

SCHEMES: Registry[Source] = Registry(
    {
        "watch": "edge.sources.watching.watch:Watch",
    }
)
"""What stands before the colon -> what makes the source of what stands behind it."""


def register_source(scheme: str, factory: str | Factory[Source]) -> None:
    """Make sources known by a scheme.

    Parameters
    ----------
    scheme : str
        What stands before the colon: ``watch``.
    factory : callable or str
        Makes the source of what stands behind the colon; ``package.module:attribute`` is
        imported when such a source is asked for.
    """
    SCHEMES.register(scheme, factory)


def open_source(sources: Sequence[str], left_out: LeftOut | None = None) -> Source:
    """Open what the command line names.

    Parameters
    ----------
    sources : sequence of str
        Files, folders, globs, archives, lists and addresses (:mod:`edge.sources.find`), or one
        source of a registered scheme: it may never end, so that none comes after it.
    left_out : LeftOut, optional
        Counts what is left out of files.

    Raises
    ------
    NoInputs
        If nothing is there, or a source that may never end is not alone.
    CameraRefused
        If there can be no such camera.
    """
    schemes = [source for source in sources if scheme_of(source)]
    if not schemes:
        return open_sources(sources, left_out)
    if len(sources) > 1:
        raise NoInputs(f"{file_name(schemes[0])} may never end: name it alone")
    scheme, _, rest = sources[0].partition(":")
    if scheme in CAMERAS:
        from edge.sources.cameras.source import CameraSource

        return CameraSource(sources[0])
    return SCHEMES[scheme](rest)


def scheme_of(source: str) -> str | None:
    """Scheme of a source, if it is registered and there is no file of this name."""
    scheme, colon, _ = source.partition(":")
    is_known = scheme in SCHEMES or scheme in CAMERAS
    return scheme if colon and is_known and not os.path.lexists(source) else None

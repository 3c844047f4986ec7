"""What samples may go through before they are crops, by name.

A new stage is a module with a :class:`~edge.samples.Stage` and a line here; one of your own is
registered with :func:`register_stage`.
"""

from __future__ import annotations

from edge.errors import NoSuchStage
from edge.registry import Factory, Registry
from edge.samples import Stage

STAGES: Registry[Stage] = Registry(
    {
        "instrument": "edge.instrument.stage:InstrumentStage",
        "cells": "edge.fields.stage:CellStage",
    }
)
"""Name -> what makes the stage, without arguments."""


def register_stage(name: str, factory: str | Factory[Stage]) -> None:
    """Make a stage known by a name.

    Parameters
    ----------
    name : str
    factory : callable or str
        Makes the stage; ``package.module:attribute`` is imported when the stage is asked for.
    """
    STAGES.register(name, factory)


def make_stage(name: str) -> Stage:
    """Make the stage of a name.

    Raises
    ------
    NoSuchStage
    """
    if name not in STAGES:
        known = ", ".join(STAGES) or "none"
        raise NoSuchStage(f"no stage is called {name}; known are: {known}")
    return STAGES[name]()

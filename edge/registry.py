"""Names -> what makes the thing of that name, imported only when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Factory = Callable[..., T]


class Registry(Generic[T]):
    """What can be made by name.

    Parameters
    ----------
    known : dict
        Name -> factory, or ``package.module:attribute`` of one: what a run does not use is not
        imported for it.
    """

    def __init__(self, known: dict[str, str | Factory[T]]) -> None:
        self._known = dict(known)

    def register(self, name: str, factory: str | Factory[T]) -> None:
        """Add a name, or replace what it stands for."""
        self._known[name] = factory

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __getitem__(self, name: str) -> Factory[T]:
        made: Factory[T] = imported(self._known[name])
        return made


def imported(named: Any) -> Any:
    """Import what ``package.module:attribute`` names; anything but a name comes back as it is."""
    if not isinstance(named, str):
        return named
    module, _, attribute = named.partition(":")
    return getattr(importlib.import_module(module), attribute)

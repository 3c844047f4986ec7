"""Cameras as people write them: ``sim:frames=20,seed=1``, ``camera:0,exposure=120``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.errors import CameraRefused
from edge.wording import printable

_OPTION = re.compile(r"(?:^|,)([a-z][a-z0-9_-]*)=([^,=]*)$")


@dataclass(frozen=True)
class Address:
    """What stands for a camera.

    Attributes
    ----------
    scheme : str
        What stands before the first colon.
    target : str
        Which camera of this kind; may be empty.
    options : Options
    """

    scheme: str
    target: str
    options: Options


def parse_address(text: str) -> Address:
    """Take an address apart.

    Options stand at its end, each behind a comma: a target with something like ``,x=1`` at its end
    cannot be written.

    Parameters
    ----------
    text : str
        With a scheme.
    """
    scheme, _, rest = text.partition(":")
    options: dict[str, str] = {}
    while found := _OPTION.search(rest):
        if found[1] in options:
            raise CameraRefused(f"{found[1]}= stands twice in {printable(scheme)}:...; leave one")
        options[found[1]] = found[2]
        rest = rest[: found.start()]
    return Address(scheme, rest, Options(scheme, dict(reversed(options.items()))))


class Options:
    """Options of an address: each is taken once, by whoever knows it.

    Parameters
    ----------
    scheme : str
        For messages.
    given : dict
        Name -> text.
    """

    def __init__(self, scheme: str, given: dict[str, str]) -> None:
        self._scheme = scheme
        self._given = given
        self._known: list[str] = []

    def text(self, name: str, otherwise: str | None = None) -> str | None:
        """Take a text."""
        self._known.append(name)
        return self._given.pop(name, otherwise)

    def number(self, name: str, otherwise: float, least: float, most: float) -> float:
        """Take a number from `least` to `most`.

        Raises
        ------
        CameraRefused
        """
        found = self.some_number(name, least, most)
        return otherwise if found is None else found

    def some_number(self, name: str, least: float, most: float) -> float | None:
        """Take a number from `least` to `most`, if there is one."""
        text = self.text(name)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            raise self._refused(name, text, "a number") from None
        if not least <= value <= most:
            raise self._refused(name, text, f"a number from {least:g} to {most:g}")
        return value

    def whole(self, name: str, otherwise: int, least: int, most: int) -> int:
        """Take a whole number from `least` to `most`."""
        found = self.some_whole(name, least, most)
        return otherwise if found is None else found

    def some_whole(self, name: str, least: int, most: int) -> int | None:
        """Take a whole number from `least` to `most`, if there is one."""
        value = self.some_number(name, least, most)
        if value is not None and value != int(value):
            raise self._refused(name, f"{value:g}", "a whole number")
        return None if value is None else int(value)

    def spans(self, name: str) -> list[range]:
        """Take numbers and spans of them: ``30+60-65`` is 30, and 60 to 65."""
        text = self.text(name)
        return [] if text is None else list(self._spans(name, text))

    def _spans(self, name: str, text: str) -> Iterator[range]:
        for part in text.split("+"):
            found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part)
            if not found:
                raise self._refused(name, text, "numbers and spans, as in 30+60-65")
            yield range(int(found[1]), int(found[2] or found[1]) + 1)

    def rest(self) -> dict[str, str]:
        """Take all that are left: a camera has controls of its own."""
        left, self._given = self._given, {}
        return left

    def refuse_rest(self) -> None:
        """Refuse what nobody has taken.

        Raises
        ------
        CameraRefused
        """
        if self._given:
            unknown = ", ".join(map(printable, self._given))
            raise CameraRefused(
                f"{self._scheme}: has no option {unknown}; it has {', '.join(sorted(self._known))}"
            )

    def _refused(self, name: str, text: str, wanted: str) -> CameraRefused:
        return CameraRefused(
            f"{self._scheme}: takes {wanted} for {name}=, not {printable(text)[:40]!r}"
        )

"""Checks of values that others wrote, to be put together into tables: name -> check.

A check is called with the name of a value and the value, and raises a ValueError that says
what it is and what it must be. Lists may be tuples: JSON and dataclasses are checked alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.wording import shortened

Check = Callable[[str, Any], None]

_TURNS = "\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_MOST_TEXT = 4096
_DEEPEST = 12
_LARGEST = 1e300  # beyond, arithmetic overflows


def whole(least: int, most: int) -> Check:
    """Make the check of a whole number."""

    def check(name: str, value: Any) -> None:
        if type(value) is not int or not least <= value <= most:  # True is an int, too
            raise _impossible(name, value, f"a whole number from {least} to {most}")

    return check


def boolean(name: str, value: Any) -> None:
    """Check that a value is true or false."""
    if type(value) is not bool:
        raise _impossible(name, value, "true or false")


def number(least: float, most: float) -> Check:
    """Make the check of a number; NaN and infinity are none."""

    def check(name: str, value: Any) -> None:
        if type(value) not in (int, float) or not least <= value <= most:
            raise _impossible(name, value, f"a number from {least:g} to {most:g}")

    return check


def near(wanted: float, words: str) -> Check:
    """Make the check of one number, as exactly as a float of 32 bits holds it."""

    def check(name: str, value: Any) -> None:
        if type(value) not in (int, float) or not abs(value - wanted) <= 1e-9:
            raise _impossible(name, value, words)

    return check


def exactly(wanted: str | int) -> Check:
    """Make the check of a value that can be one alone."""

    def check(name: str, value: Any) -> None:
        if type(value) is not type(wanted) or value != wanted:
            raise _impossible(name, value, str(wanted))

    return check


def one_of(*wanted: str) -> Check:
    """Make the check of a text that is one of a few."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, str) or value not in wanted:
            raise _impossible(name, value, " or ".join(wanted))

    return check


def optional(of: Check) -> Check:
    """Make the check of a value that may be null."""

    def check(name: str, value: Any) -> None:
        if value is not None:
            of(name, value)

    return check


def in_order(*wanted: str) -> Check:
    """Make the check of a list that can be one alone."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, (list, tuple)) or tuple(value) != wanted:
            raise _impossible(name, value, f"{_shown(wanted)}, in this order")

    return check


def string(most: int, is_one: Callable[[str], object] = str, words: str = "") -> Check:
    """Make the check of a text: printable, not too long, and what `is_one` holds for, if given."""
    words = words or f"a text of at most {most} printable characters"
    any_will_do = is_one is str  # the empty one, too

    def check(name: str, value: Any) -> None:
        if (
            not isinstance(value, str)
            or len(value) > most
            or not (value.isprintable() or all(map(_may_be_shown, value)))
            or not (any_will_do or is_one(value))
        ):
            raise _impossible(name, value, words)

    return check


def _may_be_shown(character: str) -> bool:
    """Whether it moves no cursor, breaks no line, turns no writing round, and is a whole one.

    Wider than ``str.isprintable``, for which a blank that does not break is none.
    """
    code = ord(character)
    is_control = code < 0x20 or 0x7F <= code < 0xA0
    return not (is_control or character in _TURNS or 0xD800 <= code < 0xE000)


def items(of: Check, least: int, most: int) -> Check:
    """Make the check of a list."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, (list, tuple)) or not least <= len(value) <= most:
            raise _impossible(name, value, f"a list of {least} to {most}")
        for one in value:
            of(name, one)

    return check


def band(within: tuple[float, float], around: float) -> Check:
    """Make the check of two numbers that have a third between them."""
    of = items(number(*within), 2, 2)

    def check(name: str, value: Any) -> None:
        of(name, value)
        low, high = value
        if not low <= around <= high:
            raise ValueError(f"{name} from {low:g} to {high:g} does not hold {around:g}")

    return check


def record(table: Mapping[str, Check], may_lack: frozenset[str] = frozenset()) -> Check:
    """Make the check of an object with these fields and no other."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise _impossible(name, value, f"an object with {', '.join(table)}")
        prefix = f"{name}." if name else ""
        for field in table:
            if field not in value and field not in may_lack:
                raise ValueError(f"it lacks {prefix}{field}")
        for field, one in value.items():
            if field not in table:
                raise ValueError(f"it has {prefix}{_shown(field)}, which is no field of it")
            table[field](f"{prefix}{field}", one)

    return check


def mapping(of: Check) -> Check:
    """Make the check of an object with any names, whose values are alike."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise _impossible(name, value, "an object")
        for key, one in value.items():
            _SHORT(f"a name in {name}", key)
            of(f"{name}.{key}", one)

    return check


def facts(name: str, value: Any) -> None:
    """Check an object of anything that JSON can hold and people and pages can be shown."""
    if not isinstance(value, dict):
        raise _impossible(name, value, "an object")
    try:
        _check_facts(name, value, _DEEPEST)
    except ValueError as error:
        raise ValueError(f"in {name}, {error}") from None


def _check_facts(name: str, value: Any, deeper: int) -> None:
    if value is None or type(value) is bool:
        return
    if isinstance(value, str):
        _LONG(name, value)
    elif isinstance(value, (int, float)):
        _FINITE(name, value)
    elif deeper == 0:
        raise ValueError(f"{name} is nested more than {_DEEPEST} deep")
    elif isinstance(value, dict):
        for key, one in value.items():
            _SHORT("a name", key)
            _check_facts(key, one, deeper - 1)
    else:
        for one in value:
            _check_facts(name, one, deeper - 1)


def _impossible(name: str, value: Any, wanted: str) -> ValueError:
    return ValueError(f"{name} is {_shown(value)}, not {wanted}")


def _shown(value: Any) -> str:
    """Value as a message may name it: whatever is in it, a few plain characters."""
    if isinstance(value, (list, tuple)):
        if len(value) <= 3 and all(isinstance(one, (str, int, float)) for one in value):
            return shortened(f"[{', '.join(map(_shown, value))}]", 60)
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    return {"None": "null", "True": "true", "False": "false"}.get(
        repr(value), shortened(ascii(value), 60)
    )


_SHORT, _LONG, _FINITE = string(200), string(_MOST_TEXT), number(-_LARGEST, _LARGEST)

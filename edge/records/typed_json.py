"""JSON into frozen dataclasses, every value checked against the type of its field."""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
import typing
from typing import Any


def as_type(kind: Any, value: Any, where: str) -> Any:
    """Turn a value that :mod:`json` read into one of a type.

    Parameters
    ----------
    kind : type
        A dataclass, ``str``, ``bool``, ``int``, ``float``, ``tuple[...]``,
        ``dict[str, ...]``, or a union of one of them with None.
    value : Any
    where : str
        Names the value in errors: ``fidelity.cells``.

    Returns
    -------
    Any
        Of type `kind`.

    Raises
    ------
    ValueError
        If the value is of another type, or a field is missing or unknown; says where.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        (other,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None else as_type(other, value, where)
    if origin is tuple:
        return _decode_tuple(arguments, value, where)
    if origin is dict:
        _expect(isinstance(value, dict), "an object", where)
        return {key: as_type(arguments[1], v, f"{where}.{key}") for key, v in value.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    if kind is float and type(value) is int:
        _expect(abs(value) <= sys.float_info.max, "a number of usual size", where)
        return float(value)
    _expect(type(value) is kind, kind.__name__, where)
    _expect(kind is not str or _is_text(value), "text", where)
    return value


def _decode_dataclass(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), "an object", where)
    types_of = _types_of(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    for name in names:
        _expect(name in value, "there", f"{where}.{name}")
    for name in value:
        _expect(name in names, "left out: it is no field", f"{where}.{name}")
    return kind(**{n: as_type(types_of[n], value[n], f"{where}.{n}") for n in names})


@functools.cache
def _types_of(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode_tuple(kinds: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _expect(isinstance(value, list), "a list", where)
    if kinds[1:] == (Ellipsis,):
        kinds = kinds[:1] * len(value)
    _expect(len(value) == len(kinds), f"a list of {len(kinds)}", where)
    return tuple(
        as_type(kind, v, f"{where}[{i}]")
        for i, (kind, v) in enumerate(zip(kinds, value, strict=True))
    )


def _is_text(value: str) -> bool:
    """Whether a file can hold it: JSON can escape halves of characters."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _expect(holds: bool, what: str, where: str) -> None:
    if not holds:
        raise ValueError(f"{where} must be {what}")

"""How labels look on a page: colour and sign, so that no colour stands alone."""

from __future__ import annotations

from collections.abc import Iterator

from edge.contract import COLOUR_OF_POSITIVE, NOT_DECIDED, Contract

_CSS = {
    "green": "#009e73",
    "blue": "#0072b2",
    "purple": "#cc79a7",
    "sky": "#56b4e9",
    "grey": "#777777",
    COLOUR_OF_POSITIVE: "#d55e00",
}
"""Okabe and Ito (2008), Color Universal Design; grey is ours. Orange is that of ``refer``."""

_OF_REFER = "#e69f00"

_SIGN_OF_POSITIVE, _SIGN_OF_REFER = "\u25b2", "\u25c6"
_SIGNS = ("\u25cb", "\u25a1", "\u25bd", "\u25b7", "\u2606")


def class_of(place: int) -> str:
    """CSS class of the label at a place of the contract."""
    return f"label-{place}"


def styles(contract: Contract) -> str:
    """CSS of the labels."""
    return "\n".join(
        f".counts .{class_of(n)}, .cell.{class_of(n)} {{ border-left-color: {_CSS[each.colour]}; }}"
        for n, each in enumerate(contract.labels)
    )


def classes(contract: Contract) -> dict[str, str]:
    """Decision -> CSS class."""
    return {NOT_DECIDED: NOT_DECIDED} | {
        label.words: class_of(n) for n, label in enumerate(contract.labels)
    }


def colours(contract: Contract) -> dict[str, tuple[int, int, int]]:
    """Decision -> red, green and blue, for pictures."""
    found = {label.words: _CSS[label.colour] for label in contract.labels}
    return {decision: _rgb(css) for decision, css in (found | {NOT_DECIDED: _OF_REFER}).items()}


def _rgb(css: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(css.removeprefix("#"))
    return red, green, blue


def signs(contract: Contract) -> dict[str, str]:
    """Decision -> sign."""
    return {NOT_DECIDED: _SIGN_OF_REFER} | dict(_signs(contract))


def _signs(contract: Contract) -> Iterator[tuple[str, str]]:
    others = 0
    for label in contract.labels:
        if label.name == contract.positive:
            yield label.words, _SIGN_OF_POSITIVE
        else:
            yield label.words, _SIGNS[others % len(_SIGNS)]
            others += 1

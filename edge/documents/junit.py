"""Checks as JUnit XML, which continuous integration shows as tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

# what XML 1.0 cannot hold, section 2.2
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Check:
    """One thing that was judged.

    Attributes
    ----------
    group, name : str
        What it belongs to, and what it is called.
    passed : bool or None
        None if it could not be judged.
    says : str
        What was found, in a sentence.
    failure : str
        Numbers behind a failure; empty otherwise.
    kind : str
        Name of the failure's kind.
    """

    group: str
    name: str
    passed: bool | None
    says: str
    failure: str = ""
    kind: str = "GateFailed"


def to_junit(title: str, checks: Sequence[Check]) -> bytes:
    """Render checks, one test case each; one that could not be judged is skipped.

    Times are left out, so that the same checks give the same bytes.
    """
    counts = {
        "name": _text(title),
        "tests": str(len(checks)),
        "failures": str(sum(check.passed is False for check in checks)),
        "errors": "0",
        "skipped": str(sum(check.passed is None for check in checks)),
    }
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", counts)
    for check in checks:
        _add(suite, check)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add(suite: ElementTree.Element, check: Check) -> None:
    group, name, says = map(_text, (check.group, check.name, check.says))
    case = ElementTree.SubElement(suite, "testcase", {"classname": group, "name": name})
    if check.passed is None:
        ElementTree.SubElement(case, "skipped", {"message": says})
    elif not check.passed:
        failure = ElementTree.SubElement(case, "failure", {"message": says, "type": check.kind})
        failure.text = _text(check.failure)
    else:
        ElementTree.SubElement(case, "system-out").text = says


def _text(words: str) -> str:
    return _NOT_XML.sub("\ufffd", words)

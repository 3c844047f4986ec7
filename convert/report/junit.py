"""Gates as JUnit XML, which continuous integration shows as tests."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from convert.report.schema import ConversionReport
from convert.verify.gates import Gate

# what XML 1.0 cannot hold, section 2.2
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(report: ConversionReport) -> bytes:
    """Render the gates, one test case each; one that could not be judged is skipped.

    Times are left out, so that the same report gives the same bytes.
    """
    results = [gate.result for gate in report.gates]
    counts = {
        "name": f"edge-all conversion of {report.network.name}",
        "tests": str(len(results)),
        "failures": str(results.count("failed")),
        "errors": "0",
        "skipped": str(results.count("skipped")),
    }
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", counts)
    for gate in report.gates:
        _add(suite, report.network.name, gate)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _add(suite: ElementTree.Element, network: str, gate: Gate) -> None:
    stage, name, says = (_NOT_XML.sub("\ufffd", s) for s in (gate.stage, gate.name, gate.says))
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": f"{network}.{stage}", "name": name}
    )
    if gate.passed is None:
        ElementTree.SubElement(case, "skipped", {"message": says})
    elif not gate.passed:
        failure = ElementTree.SubElement(case, "failure", {"message": says, "type": "GateFailed"})
        failure.text = f"measured {gate.value!r}, limit {gate.limit!r}"
    else:
        ElementTree.SubElement(case, "system-out").text = says

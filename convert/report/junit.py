"""Gates of a conversion as JUnit XML."""

from __future__ import annotations

from convert.report.schema import ConversionReport
from edge.documents.junit import Check, to_junit


def gates_as_junit(report: ConversionReport) -> bytes:
    """Render the gates, one test case each; as :func:`edge.documents.junit.to_junit`."""
    network = report.network.name
    checks = [
        Check(
            f"{network}.{gate.stage}",
            gate.name,
            gate.passed,
            gate.says,
            f"measured {gate.value!r}, limit {gate.limit!r}" if gate.passed is False else "",
        )
        for gate in report.gates
    ]
    return to_junit(f"edge-all conversion of {network}", checks)

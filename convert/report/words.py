"""What a conversion says of itself on a terminal."""

from __future__ import annotations

from pathlib import Path

from convert.report.schema import ConversionReport
from convert.verify.gates import verdict


def outcome_words(report: ConversionReport, out: Path, name: str, unchanged: bool) -> str:
    """Few lines for people: verdict, what failed, how close int8 is, where it lies.

    Parameters
    ----------
    report : ConversionReport
    out : Path
        Folder of the conversion.
    name : str
        What the names of its files begin with.
    unchanged : bool
        Whether an earlier conversion stands.
    """
    fidelity, int8 = report.fidelity, report.fidelity.quantization
    failed = [gate.says for gate in report.gates if gate.passed is False]
    lines = [
        f"{name}: {verdict(report.gates)}" + (" Unchanged since." if unchanged else ""),
        *(f"gate failed: {says}" for says in failed),
        f"  Keras to float TFLite: logits equal within {fidelity.export.max_logit_error:.1e}",
        f"  int8 agrees with float on {int8.agreement:.2%} of {fidelity.cells} cells"
        f" ({fidelity.cells_are.partition(', sha256')[0]});",
        f"  logits off by {int8.mean_logit_error:.3f} on average, {int8.max_logit_error:.3f} at"
        f" most (one int8 step is {fidelity.logit_step:.3f})",
    ]
    model = out / f"{name}.tflite"
    if not failed:
        lines.append(f"  model file {model} ({model.stat().st_size / 1e6:.2f} MB)")
    lines.append(f"  report     {out / name}-report.html, .md, .json, .junit.xml")
    return "\n".join(lines)

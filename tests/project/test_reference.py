"""The command-line reference is what the commands print."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from transcripts import ROOT

import train.cli.main  # noqa: F401  # a device, which lacks what it needs, leaves this module out


@pytest.mark.skipif(
    sys.version_info >= (3, 13), reason="argparse of Python 3.13 writes -n, --n N otherwise"
)
def test_the_reference_is_what_the_commands_print() -> None:
    path = ROOT / "docs" / "make_reference.py"
    spec = importlib.util.spec_from_file_location("make_reference", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.reference() == module.PAGE.read_text(encoding="utf-8"), "run make docs"

"""``edge-all doctor``: what this machine has, what is wrong with it, and what to do."""

from __future__ import annotations

import argparse

from edge.cli.command import SOME_FAILED, one_sentence
from edge.cli.options import add_model as describe
from edge.wording import printable_lines

__all__ = ["describe", "run"]


@one_sentence
def run(options: argparse.Namespace) -> None:
    """Print what is there, then every fault with its remedy.

    Raises
    ------
    SystemExit
        With 1 if something is wrong because of which nothing can be classified.
    """
    from edge.doctor.faults import find_faults
    from edge.doctor.machine_facts import describe_machine
    from edge.doctor.surroundings import look_around

    for fact in describe_machine():
        print(printable_lines(fact))
    faults = find_faults(look_around(options.model))
    is_fatal = any(fault.is_fatal for fault in faults)
    if not is_fatal:  # the model needs all that is missing
        from edge.doctor.model_facts import describe_model
        from edge.models.model_file import SHIPPED_MODEL

        for fact in describe_model(options.model or SHIPPED_MODEL):
            print(printable_lines(fact))
    for fault in faults:
        print(printable_lines(f"{'fault' if fault.is_fatal else 'beware':<9} {fault.what}"))
        print(printable_lines(f"          {fault.remedy}"))
    if is_fatal:
        print("nothing can be classified before that is mended")
        raise SystemExit(SOME_FAILED)
    print("it works, but see above" if faults else "all is well")

"""What other people's exceptions say, as part of one sentence."""

from __future__ import annotations

import re

from edge.wording import printable

_MOST = 140
"""Characters: the sentence around it names a file and says what to do."""


def in_short(error: BaseException) -> str:
    """Say in a few words what went wrong; TensorFlow alone says it in 17,000 characters.

    Parameters
    ----------
    error : BaseException
        Of a tool that edge-all uses.

    Returns
    -------
    str
        One line, of printable characters.
    """
    text = str(error).strip()
    lacking = sorted(set(re.findall(r"'(tf\.\w+)' op is neither a custom op", text)))
    if lacking:  # stands behind the places in the code of Keras that every part came from
        return f"TFLite has no operator for {', '.join(lacking[:3])}"
    line = printable(" ".join(next(iter(text.splitlines()), "").split()))
    said = line if len(line) <= _MOST else f"{line[: _MOST - 3]}..."
    kind = type(error).__name__
    return f"{kind}: {said}" if said else kind

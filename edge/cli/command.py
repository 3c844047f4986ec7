"""What the four command lines share: errors become one sentence and an exit code."""

from __future__ import annotations

import errno
import functools
import os
import shlex
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from edge.errors import EdgeAllError, GateFailed, ModelFileRefused
from edge.process.environment import quieten_libraries
from edge.process.streams import give_up_stderr, give_up_stdout, open_standard_streams
from edge.secrets import without_secrets_in
from edge.wording import printable_lines

SOME_FAILED, WRONG_USAGE, GATE_FAILED, MODEL_REFUSED = 1, 2, 3, 4
"""Exit codes besides 0."""

INTERRUPTED, BROKEN_PIPE = 130, 141
"""Exit codes of what a signal ends, as shells give them: 128 and its number."""

_SHORT_OF_MEMORY = (
    "failed to map segment",
    "annot allocate memory",
    "can't start new thread",
    "nsufficient memory",
    "bad_alloc",
    "Unable to allocate",
)
"""What libraries, the loader and Python say where memory does not suffice."""

_CANNOT_WRITE = "error: cannot write the results: {}; check the free space"

P = ParamSpec("P")
R = TypeVar("R")


def say(message: str) -> None:
    """Print a message for people: to stderr, stdout is for results.

    Whatever comes from outside in it - names, what a server or a file says - moves no cursor,
    and addresses lose user, password and query. Where nobody can read it any more, it is
    dropped: results matter more.
    """
    try:
        print(without_secrets_in(printable_lines(message)), file=sys.stderr, flush=True)
    except OSError:
        give_up_stderr()


def command_line() -> str:
    """The command line of this process, as it may be kept."""
    from edge.files import file_name

    return shlex.join(map(file_name, [os.path.basename(sys.argv[0]), *sys.argv[1:]]))


def flush_stdout() -> None:
    """Write what stdout still holds, or say that it cannot be written.

    Raises
    ------
    BrokenPipeError
        If the reader has left.
    SystemExit
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up_stdout()
        if error.errno != errno.EIO:  # the terminal is gone, and nobody there to read
            say(_CANNOT_WRITE.format(error.strerror))
            raise SystemExit(WRONG_USAGE) from error


def one_sentence(command: Callable[P, R]) -> Callable[P, R]:
    """Turn an :class:`EdgeAllError` into a message on stderr and an exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        open_standard_streams()
        quieten_libraries()
        try:
            return command(*args, **kwargs)
        except ModelFileRefused as error:
            say(f"model file refused ({error.reason}): {error}")
            raise SystemExit(MODEL_REFUSED) from error
        except GateFailed as error:
            say(f"gate failed: {error}")
            raise SystemExit(GATE_FAILED) from error
        except EdgeAllError as error:
            say(f"error: {error}")
            raise SystemExit(WRONG_USAGE) from error
        except BrokenPipeError:  # the reader has left, as head does
            raise
        except OSError as error:
            give_up_stdout()
            if error.filename:
                say(f"error: {error.filename}: {error.strerror}; check it and its permissions")
            else:  # a stream
                say(_CANNOT_WRITE.format(error.strerror))
            raise SystemExit(WRONG_USAGE) from error
        except Exception as error:
            if not is_short_of_memory(error):
                raise
            say(
                "error: there is too little memory; end other programs, raise the limit of this"
                " one, or take fewer threads (--threads 1) or a smaller network"
            )
            raise SystemExit(WRONG_USAGE) from error

    return wrapped


def is_short_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that memory does not suffice."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, MemoryError) or any(said in str(chain) for said in _SHORT_OF_MEMORY):
            return True
        chain = chain.__cause__ or chain.__context__
    return False

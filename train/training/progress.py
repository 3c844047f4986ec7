"""A progress bar over the steps of an epoch, on a terminal only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def progress_callbacks(epoch: int, epochs: int, steps: int) -> list[keras.callbacks.Callback]:
    """Make the callbacks that draw a bar on stderr; none where it is no terminal.

    Parameters
    ----------
    epoch, epochs : int
        Number of the epoch, from 1, and how many there are at most.
    steps : int
        Of this epoch.
    """
    if not sys.stderr.isatty():
        return []
    import keras
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(file=sys.stderr), transient=True)
    task = bar.add_task(f"epoch {epoch} of {epochs}", total=steps)

    class Steps(keras.callbacks.Callback):
        """Advance the bar with every step."""

        def on_train_begin(self, logs: Any = None) -> None:
            bar.start()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            bar.advance(task)

        def on_train_end(self, logs: Any = None) -> None:
            bar.stop()

    return [Steps()]
